"""What rows and errors of the database are answered with."""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from fastapi import Response
from sqlalchemy import Table

from ..database.backend import Row
from ..database.faults import http_error
from ..database.returning import not_kept
from ..errors import Conflict, MissingTarget, Referenced, Refused, of_item
from ..http.etag import etag, tagged
from ..http.headers import JsonText
from .statements import RowStatements

Found = Sequence[Sequence[Row]]
_OF_ITEMS = (Conflict, MissingTarget, Referenced, Refused)
"""What may be wrong with one of several rows."""


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
        return of_item(answer, index) if isinstance(answer, _OF_ITEMS) else error

    return explain


def explained_deletion(
    table: Table, place: Sequence[str | int]
) -> Callable[[Exception], Exception]:
    """Give what names the place of a row in the answer for an error of its deletion."""

    def explain(error: Exception) -> Exception:
        answer = http_error(error, table, deleted=place)
        return answer if isinstance(answer, Referenced) else error

    return explain


class NamedErrors:
    """Raises the answer for an error of the driver; it names the properties of a broken rule.

    `deleted` is where the request names what it deletes.
    """

    __slots__ = ("_deleted", "_table")

    def __init__(self, table: Table, deleted: Sequence[str | int] | None = None) -> None:
        self._table = table
        self._deleted = deleted

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _kind: object, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            answer = http_error(error, self._table, deleted=self._deleted)
            if answer is not error:
                raise answer from error
