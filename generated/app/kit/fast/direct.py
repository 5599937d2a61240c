"""Requests that the HTTP protocol handles without ASGI messages, and mostly without a parser.

A request with the same headers as an earlier one needs no parser. If SQLite has the rows of a read
at once, the response is sent as soon as the request arrives: it needs no task either. Writes, and
reads that wait for the database, get a task. All other requests and all errors are handled as
usual: nothing was sent yet. `SHORTCUT=false` turns this off.
"""

import contextlib
import re
from collections.abc import Sequence
from typing import Any, Protocol

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ..http.direct_responses import INCOMPLETE, MAX_BODY_BYTES, MAX_HEAD_BYTES, SerializedResponse
from ..http.headers import Header
from .direct_call import DirectCall
from .direct_read import DirectRead, DirectRequest
from .head_cache import HeadCache, ParsedHead
from .request_ids import new_request_id
from .shortcut import Shortcut
from .shortcut_table import ShortcutTable

_REQUEST_LINE = re.compile(
    rb"(GET|POST|PATCH|PUT|DELETE) (/[A-Za-z0-9_.~/-]*)"
    rb"(?:\?([A-Za-z0-9_.~!$&'()*+,;=:@/?%-]*))? HTTP/1\.1"
)
"""The request line of a request whose path has nothing to decode."""
_MOST = 2 * MAX_HEAD_BYTES
"""Most bytes before the body."""


class Connection(Protocol):
    """What a request needs to know of its connection."""

    server: tuple[str, int | None] | None
    client: tuple[str, int] | None
    scheme: Any
    asgi_version: str
    app_state: dict[str, Any]


class DirectRequests:
    """The requests to an application that need no ASGI messages."""

    def __init__(self, app: Any, table: ShortcutTable) -> None:
        self._app = app
        self._table = table
        self._heads = HeadCache()
        self._reads: dict[Shortcut, DirectRead | None] = {}
        self._defaults: Sequence[Header] = ()
        self._encoded_defaults = b""

    def handle(
        self, data: bytes, connection: Connection, defaults: Sequence[Header]
    ) -> SerializedResponse | DirectCall | dict[Any, Any] | str | None:
        """Return the response to a request, or the call that sends it later.

        Return INCOMPLETE if a part of the body is missing. Return None if the request is to be
        handled as usual, or what its observers have noted. `data` are all bytes since the end of
        the last request, `defaults` the headers that the server adds to each response.
        """
        line, _, rest = data.partition(b"\r\n")
        found = _REQUEST_LINE.fullmatch(line)
        if found is None:
            return None
        method, path, query = found[1], found[2], found[3] or b""
        body = b""
        if method != b"GET":
            end = rest.find(b"\r\n\r\n", 0, _MOST) + 4
            rest, body = rest[:end], rest[end:]
        head = self._heads.find(rest)
        known = None if head is None else self._table.find(method.decode(), path.decode())
        if head is None or known is None:
            return None
        shortcut, key = known
        if method == b"GET":
            return self._respond_to_get(shortcut, key, path, query, head, connection, defaults)
        length = head.length or 0
        if len(body) < length <= MAX_BODY_BYTES and shortcut.has_body:
            return INCOMPLETE
        if len(body) != length or (length and not shortcut.has_body):
            return None
        scope = _scope(connection, method, path, query, head)
        return DirectCall(self._app, shortcut, key, head, body, scope)

    def _respond_to_get(
        self,
        shortcut: Shortcut,
        key: str,
        path: bytes,
        query: bytes,
        head: ParsedHead,
        connection: Connection,
        defaults: Sequence[Header],
    ) -> SerializedResponse | DirectCall | dict[Any, Any] | None:
        """Return the response to a GET, or the call that sends it later; else as `handle` does."""
        if head.length is not None or self._app.exceeds_limits(path, query):
            return None
        database = self._app.state.database
        if database.kind != "sqlite":
            scope = _scope(connection, b"GET", path, query, head)
            return DirectCall(self._app, shortcut, key, head, b"", scope)
        read = self._direct_read_of(shortcut)
        if read is None or database.for_request is not None:
            return None
        request_id = new_request_id()

        def scope_of_request() -> Scope:
            return _scope(connection, b"GET", path, query, head)

        request = DirectRequest(
            self._app, path.decode(), key, query, head.by_name, scope_of_request, request_id
        )
        response = read.response(request)
        if response is None:
            return request.notes
        status, rest = response
        if defaults is not self._defaults:  # the server makes a new list each second
            self._defaults = defaults
            self._encoded_defaults = b"".join([b"%b: %b\r\n" % one for one in defaults])
        target = b"%b?%b" % (path, query) if query else path
        sent = b"".join((STATUS_LINE[status], self._encoded_defaults, rest))
        return SerializedResponse(status, target, request_id, sent)

    def _direct_read_of(self, shortcut: Shortcut) -> DirectRead | None:
        """Return the DirectRead of a shortcut; None if its handler may have effects."""
        try:
            return self._reads[shortcut]
        except KeyError:
            found = None
            with contextlib.suppress(ValueError):
                found = DirectRead(shortcut)
            return self._reads.setdefault(shortcut, found)


def _scope(
    connection: Connection, method: bytes, path: bytes, query: bytes, head: ParsedHead
) -> Scope:
    """Return the scope of a request, as uvicorn makes it."""
    return {
        "type": "http",
        "asgi": {"version": connection.asgi_version, "spec_version": "2.3"},
        "http_version": "1.1",
        "server": connection.server,
        "client": connection.client,
        "scheme": connection.scheme,
        "root_path": "",
        "headers": [*head.headers],
        "state": connection.app_state.copy(),
        "method": method.decode(),
        "path": path.decode(),
        "raw_path": path,
        "query_string": query,
    }
