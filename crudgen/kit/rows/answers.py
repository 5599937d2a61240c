"""Responses for rows, and HTTP errors for errors of the database."""

from collections.abc import Mapping, Sequence
from types import TracebackType

from fastapi import Response
from sqlalchemy import Table

from ..database.faults import http_error
from ..http.etag import etag, etag_headers
from ..http.headers import JsonText


def one_row(body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response for a row, with its ETag."""
    return JsonText(body, headers={**(headers or {}), **etag_headers(etag(body))})


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
