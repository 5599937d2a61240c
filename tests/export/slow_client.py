"""A client that takes a response part by part, and may disconnect."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp, Message


class SlowClient:
    """The receiving end of one response: the application waits until each message is taken."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue(1)
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        self._sent.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self.task: asyncio.Task[None] | None = None
        self.is_complete = False

    async def send(self, message: Message) -> None:
        await self.messages.put(message)

    async def receive(self) -> Message:
        return await self._sent.get()

    def disconnect(self) -> None:
        self._sent.put_nowait({"type": "http.disconnect"})

    async def next_message(self) -> Message:
        """Return the next message; raise the error of the application if there is none."""
        assert self.task is not None
        taken = asyncio.ensure_future(self.messages.get())
        await asyncio.wait({taken, self.task}, return_when=asyncio.FIRST_COMPLETED)
        if not taken.done() and self.messages.empty():
            taken.cancel()
            await self.task
        message = await taken
        is_body = message["type"] == "http.response.body"
        self.is_complete = is_body and not message.get("more_body", False)
        return message

    async def rest(self) -> bytes:
        """Return the rest of the body."""
        body = b""
        while not self.is_complete:
            body += (await self.next_message()).get("body", b"")
        return body


@asynccontextmanager
async def reading(app: ASGIApp, path: str, accept: str) -> AsyncIterator[SlowClient]:
    """Send a request, and yield the client."""
    client = SlowClient()
    path, _, query = path.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"test"), (b"accept", accept.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
    }
    client.task = asyncio.ensure_future(app(scope, client.receive, client.send))
    try:
        yield client
    finally:
        client.disconnect()
        while not client.task.done():
            await asyncio.wait({client.task}, timeout=0.01)
            if not client.messages.empty():
                client.messages.get_nowait()
        if not client.task.cancelled():
            client.task.exception()
