"""Responses for rows, and HTTP errors for errors of the database."""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from fastapi import Response
from sqlalchemy import Table

from ..database.backend import Row
from ..database.faults import http_error
from ..database.returning import not_kept
from ..errors import Conflict, MissingTarget, Referenced, Refused, with_item_index
from ..http.etag import etag, etag_headers
from ..http.headers import JsonText
from .statements import RowStatements

Found = Sequence[Sequence[Row]]
_ITEM_ERRORS = (Conflict, MissingTarget, Referenced, Refused)
"""The errors about one of several rows."""


def one_row(body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response for a row, with its ETag."""
    return JsonText(body, headers={**(headers or {}), **etag_headers(etag(body))})


def many_rows(use: RowStatements, found: Found) -> Response:
    """Return the response for several rows, one of each statement.

    Raises HTTPException 409 if a statement returned no row.
    """
    if not all(found):
        raise not_kept()
    return JsonText(b"[" + b",".join(use.rows.write(row) for (row,) in found) + b"]")


def explained(table: Table, index: int) -> Callable[[Exception], Exception]:
    """Return a function that converts a driver error to the HTTP error of an item in the body."""

    def explain(error: Exception) -> Exception:
        answer = http_error(error, table)
        return with_item_index(answer, index) if isinstance(answer, _ITEM_ERRORS) else error

    return explain


def explained_deletion(
    table: Table, place: Sequence[str | int]
) -> Callable[[Exception], Exception]:
    """Return a function that converts a driver error of a deletion to its HTTP error."""

    def explain(error: Exception) -> Exception:
        answer = http_error(error, table, deleted=place)
        return answer if isinstance(answer, Referenced) else error

    return explain


class NamedErrors:
    """A context manager that converts driver errors to HTTP errors about the table's properties.

    `deleted` is the location of the key of a deletion.
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
