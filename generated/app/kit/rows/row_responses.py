"""Responses with one row, and the conversion of database errors to HTTP errors."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from types import TracebackType
from typing import NamedTuple
from urllib.parse import quote

from fastapi import Request, Response

from ..database.faults import http_error
from ..database.json_rows import JsonRowEncoder
from ..database.properties import Properties
from ..database.returning import row_discarded_error
from ..database.transaction import Row
from ..http.etag import etag, etag_headers
from ..http.headers import JsonText

COLLECTION = "app.collection"
"""Key in the scope of a request: the path of the rows, if it is not the path of the request."""
CALLER = "app.caller"
"""Key in the scope of a request: its CallerIdentity, if the application has callers."""


class CallerIdentity(NamedTuple):
    """The caller of a create, for whom a response is stored."""

    identity: str
    """What tells the caller from others."""
    roles: frozenset[str]


class RowsResponse(Response):
    """A response with rows in another format than JSON."""

    async def call_if_empty(self, check: Callable[[], Awaitable[None]]) -> None:
        """Call `check`, which may raise HTTPException, if there are no rows."""
        raise NotImplementedError


def row_response(
    body: bytes,
    headers: Mapping[str, str] | None = None,
    *,
    status: int = 200,
    tag: Callable[[bytes], str] = etag,
) -> Response:
    """Return the response with the JSON of a row, and with its ETag, which `tag` returns."""
    return JsonText(body, status, headers={**(headers or {}), **etag_headers(tag(body))})


def created_response(
    rows: JsonRowEncoder,
    request: Request,
    found: Sequence[Row],
    shown: bytes | None = None,
    *,
    status: int = 200,
    tag: Callable[[bytes], str] = etag,
) -> Response:
    """Return the response for a new row; raise HTTPException 409 if a trigger discarded it.

    `shown` is the JSON to return instead of all properties. `tag` returns its ETag.
    """
    if not found:
        raise row_discarded_error()
    (row,) = found
    key = row[-1]
    place = quote(key, safe="") if isinstance(key, str) else str(key)
    path = request.scope.get(COLLECTION) or request.scope["path"]
    location = f"{_percent_encoded(path)}/{place}"
    body = rows.write(row) if shown is None else shown
    return row_response(body, {"Location": location}, status=status, tag=tag)


@lru_cache(maxsize=1024)
def _percent_encoded(path: str) -> str:
    """Return the percent-encoded path of a collection, without the final slash."""
    return quote(path).rstrip("/")


class ErrorConversion:
    """A context manager that converts driver errors to HTTP errors, which name the properties.

    `deleted` is the location of the key in a request that deletes a row.
    """

    __slots__ = ("_deleted", "_properties")

    def __init__(self, properties: Properties, deleted: Sequence[str | int] | None = None) -> None:
        self._properties = properties
        self._deleted = deleted

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _kind: object, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            answer = http_error(error, self._properties, deleted=self._deleted)
            if answer is not error:
                raise answer from error
