"""What rows and errors of the database are answered with."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from fastapi import Response
from sqlalchemy import Table

from .database.backend import Row
from .database.faults import http_error
from .database.returning import not_kept
from .errors import Conflict, Refused, of_item
from .etag import etag, tagged
from .headers import JsonText
from .row_statements import RowStatements

Found = Sequence[Sequence[Row]]


def one_row(body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """Answer a row, with its ETag."""
    return JsonText(body, headers={**(headers or {}), **tagged(etag(body))})


def many_rows(use: RowStatements, found: Found) -> Response:
    """Answer rows, of which each statement has found one; raise HTTPException 409 if not."""
    if not all(found):
        raise not_kept()
    return JsonText(b"[" + b",".join(use.rows.write(row) for (row,) in found) + b"]")


def explained(table: Table, index: int) -> Callable[[Exception], Exception]:
    """Give what names the item of a body in the answer for an error of the driver."""

    def explain(error: Exception) -> Exception:
        answer = http_error(error, table)
        return of_item(answer, index) if isinstance(answer, Conflict | Refused) else error

    return explain


@contextmanager
def named_errors(table: Table) -> Iterator[None]:
    """Raise the answer for an error of the driver; it names the properties of a broken rule."""
    try:
        yield
    except Exception as error:
        answer = http_error(error, table)
        if answer is error:
            raise
        raise answer from error
