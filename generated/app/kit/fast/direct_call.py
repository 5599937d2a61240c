"""One request whose response ends later: its handler is called in a task, without ASGI messages."""

import re
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from fastapi import Response
from starlette.types import Receive, Scope, Send

from ..http.direct_responses import send_response
from ..http.exchange import NOTES, Exchange, Observer, note_route, note_status
from ..http.headers import Header, JsonText
from .head_cache import ParsedHead
from .shortcut import Shortcut

_VALID = re.compile(
    rb"(?:(?!connection:|transfer-encoding:)[a-z0-9-]+: [^\x00-\x08\x0a-\x1f\x7f]*\r\n)+"
)
"""Lines of headers that need no further check, and do not change how the body is sent."""


class DirectCall:
    """An ASGI application for one request, which ends as by the Application.

    It calls the handler, and writes the response in one step. The Application handles errors and
    all requests that the handler may not be called for.
    """

    __slots__ = ("_app", "_cycle", "_head", "_key", "_shortcut", "body", "scope")

    def __init__(
        self, app: Any, shortcut: Shortcut, key: str, head: ParsedHead, body: bytes, scope: Scope
    ) -> None:
        """`app` is the Application."""
        self._app = app
        self._shortcut = shortcut
        self._key = key
        self._head = head
        self.body = body
        self.scope = scope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request. `send` is that of a RequestResponseCycle."""
        app = self._app
        self._cycle = send.__self__  # type: ignore[attr-defined]
        with nullcontext() if app.hold is None else app.hold(scope):
            notes: dict[Observer, Any] = {}
            if app.observers and not _all_ignore(app.observers, scope, notes):
                await Exchange(scope, send, app.observers, notes).run(self._handle, receive)
                return
            if notes:
                scope[NOTES] = notes
            await self._handle(scope, receive, send)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        app, shortcut = self._app, self._shortcut
        if not app.exceeds_limits(scope["raw_path"], scope["query_string"]):
            app.concurrent += 1
            try:
                note_route(scope, shortcut.path, shortcut.entity)
                sent = self._head.by_name
                found = await shortcut.respond(app, self._key, sent, self.body, scope, receive)
                if found is not None:
                    await self._send(scope, send, *found)
                    return
            finally:
                app.concurrent -= 1
        await app(scope, receive, send)

    async def _send(
        self, scope: Scope, send: Send, response: Response, headers: Sequence[Header]
    ) -> None:
        """Send the response in one step if possible, else by messages."""
        lines = b"".join([b"%b: %b\r\n" % one for one in headers])
        if type(response) is JsonText and _is_valid(lines, len(response.body)):
            note_status(scope, response.status_code)
            await send_response(self._cycle, response.status_code, lines, response.body)
            return
        start = {"type": "http.response.start", "status": response.status_code}
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})


def _is_valid(lines: bytes, length: int) -> bool:
    """Return whether headers need no further check, and give the length of the body once.

    A handler may have changed the body or the headers of its response.
    """
    return (
        lines.startswith(b"content-length: %d\r\n" % length)
        and lines.count(b"content-length:") == 1
        and _VALID.fullmatch(lines) is not None
    )


def _all_ignore(observers: Sequence[Observer], scope: Scope, notes: dict[Observer, Any]) -> bool:
    """Return whether no observer needs to know of the request.

    `ignores` decides whether the request is sampled. It is not asked if `begin` decides.
    """
    if any(one.count is not None for one in observers):
        return False
    try:
        return all(one.ignores(scope["method"], scope["path"], notes) for one in observers)
    except Exception:
        return False
