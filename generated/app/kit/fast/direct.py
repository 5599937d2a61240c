"""Responses to reads without ASGI: the HTTP protocol sends them as soon as a request arrives.

A request in one packet, with the same headers as an earlier one, needs no parser. If SQLite has the
rows at once, it needs no task and no ASGI messages either. All other requests and all errors are
handled as usual: nothing was sent yet. `SHORTCUT=false` turns this off.
"""

import contextlib
import re
from collections.abc import Sequence
from typing import Any, Protocol

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ..http.headers import Header
from .direct_read import DirectRead, DirectRequest
from .known_heads import KnownHeads
from .shortcut import Shortcut, new_request_id
from .shortcut_table import ShortcutTable

_REQUEST_LINE = re.compile(
    rb"GET (/[A-Za-z0-9_.~/-]*)(?:\?([A-Za-z0-9_.~!$&'()*+,;=:@/?%-]*))? HTTP/1\.1"
)
"""The request line of a GET whose path has nothing to decode."""


class Connection(Protocol):
    """What a request needs to know of its connection."""

    server: tuple[str, int | None] | None
    client: tuple[str, int] | None
    scheme: Any


class DirectReads:
    """The reads of an application that need no ASGI."""

    def __init__(self, app: Any, table: ShortcutTable) -> None:
        self._app = app
        self._table = table
        self._heads = KnownHeads()
        self._reads: dict[Shortcut, DirectRead | None] = {}
        self._defaults: Sequence[Header] = ()
        self._encoded_defaults = b""

    def response(
        self, data: bytes, connection: Connection, defaults: Sequence[Header]
    ) -> tuple[int, bytes, str, bytes] | None:
        """Return the status, the target and the id of the request, and the bytes of the response.

        Return None if the request is to be handled as usual. `data` are all bytes since the end of
        the last request, `defaults` the headers that the server adds to each response.
        """
        line, _, rest = data.partition(b"\r\n")
        head = self._heads.find(rest)
        found = _REQUEST_LINE.fullmatch(line)
        if head is None or found is None:
            return None
        path, query = found[1], found[2] or b""
        known = self._table.find("GET", path.decode())
        if known is None or self._app.exceeds_limits(path, query):
            return None
        read = self._read_of(known[0])
        database = self._app.state.database
        if read is None or database.kind != "sqlite" or database.for_request is not None:
            return None
        request_id = new_request_id()

        def scope() -> Scope:
            return {
                "type": "http",
                "http_version": "1.1",
                "method": "GET",
                "scheme": connection.scheme,
                "server": connection.server,
                "client": connection.client,
                "root_path": "",
                "path": path.decode(),
                "raw_path": path,
                "query_string": query,
                "headers": [*head.headers],
                "state": {},
            }

        response = read.response(
            DirectRequest(
                self._app, path.decode(), known[1], query, head.by_name, scope, request_id
            )
        )
        if response is None:
            return None
        status, rest = response
        if defaults is not self._defaults:  # the server makes a new list each second
            self._defaults = defaults
            self._encoded_defaults = b"".join([b"%b: %b\r\n" % one for one in defaults])
        target = b"%b?%b" % (path, query) if query else path
        sent = b"".join((STATUS_LINE[status], self._encoded_defaults, rest))
        return status, target, request_id, sent

    def _read_of(self, shortcut: Shortcut) -> DirectRead | None:
        """Return the DirectRead of a shortcut; None if its handler may have effects."""
        try:
            return self._reads[shortcut]
        except KeyError:
            found = None
            with contextlib.suppress(ValueError):
                found = DirectRead(shortcut)
            return self._reads.setdefault(shortcut, found)
