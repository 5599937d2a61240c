"""The response with all rows of a list, which are read while it is sent."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import TypeAlias

import anyio
from anyio import CancelScope
from starlette.types import Receive, Scope, Send

from ..database import Database
from ..database.faults import http_error, reason_of
from ..database.snapshots import snapshot
from ..errors import ResponseAbortedError
from ..http.head_route import IS_HEAD
from ..rows.row_responses import RowsResponse
from .rows import ExportedRows

Write: TypeAlias = Callable[[Sequence[bytes]], bytes]
"""Returns rows, which are JSON objects, in the format of the response."""
Check: TypeAlias = Callable[[], Awaitable[None]]
_Parts: TypeAlias = AsyncGenerator[list[bytes], None]
_log = logging.getLogger(__name__)


class PageResponse(RowsResponse):
    """A response with the rows of a page."""

    def __init__(self, rows: Sequence[bytes], write: Write, headers: Mapping[str, str]) -> None:
        super().__init__(write(rows), headers=dict(headers))
        self._is_empty = not rows

    async def call_if_empty(self, check: Check) -> None:
        """Call `check` if there are no rows."""
        if self._is_empty:
            await check()


class ExportResponse(RowsResponse):
    """A response whose rows are read while it is sent.

    An error before the first part is read has a response of its own. After that, the connection is
    aborted, so that no client takes some rows for all.
    """

    def __init__(
        self, db: Database, rows: ExportedRows, write: Write, headers: Mapping[str, str]
    ) -> None:
        super().__init__(headers=dict(headers))
        del self.headers["content-length"]
        self._db, self._rows, self._write = db, rows, write
        self._check: Check | None = None

    async def call_if_empty(self, check: Check) -> None:
        """Call `check` later, if there are no rows."""
        self._check = check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response; raise ResponseAbortedError if it cannot be completed."""
        is_started = False
        try:
            async with snapshot(self._db) as opened, aclosing(self._rows.parts(opened)) as parts:
                total = await self._rows.count(opened)
                first: list[bytes] = await anext(parts, [])
                if not first and self._check is not None:
                    await self._check()
                if total is not None:
                    self.headers["X-Total-Count"] = str(total)
                is_started = True
                start = {"type": "http.response.start", "status": self.status_code}
                await send({**start, "headers": self.raw_headers})
                if scope.get(IS_HEAD):
                    await send({"type": "http.response.body", "body": b""})
                else:
                    client = _ClientStream(receive, send, opened.idle_seconds)
                    await client.send_all(self._write, first, parts)
        except Exception as error:
            answer = http_error(error)
            if not is_started:
                if answer is error:
                    raise
                raise answer from error
            is_late = isinstance(error, TimeoutError)
            if answer is error and not is_late:
                raise
            reason = "the client reads too slowly" if is_late else reason_of(error)
            _log.warning("%s: the response is aborted: %s", scope["path"], reason)
            raise ResponseAbortedError(reason) from error


class _ClientStream:
    """The client of a response. Each part must be sent within `seconds`."""

    def __init__(self, receive: Receive, send: Send, seconds: float) -> None:
        self._receive, self._send, self._seconds = receive, send, seconds

    async def send_all(self, write: Write, first: list[bytes], parts: _Parts) -> None:
        """Send a body in parts, until the client disconnects."""
        failure: Exception | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(self._cancel_if_disconnected, group.cancel_scope)
            try:
                await self._send_part(write(first))
                async for rows in parts:
                    await self._send_part(write(rows))
                await self._send({"type": "http.response.body", "body": b""})
            except Exception as error:  # a group would raise it within an ExceptionGroup
                failure = error
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _send_part(self, body: bytes) -> None:
        with anyio.fail_after(self._seconds):
            await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def _cancel_if_disconnected(self, scope: CancelScope) -> None:
        with suppress(Exception):  # the body of the request is late: it is not needed
            while (await self._receive())["type"] != "http.disconnect":
                pass
        scope.cancel()
