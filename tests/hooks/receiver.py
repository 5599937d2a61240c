"""A receiver of webhooks in the process of a test: it answers as it is told to."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of tests
OLD_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105 - of tests
Answer = Callable[[Any], bytes | None]
ACCEPTED = b"HTTP/1.1 204 No Content\r\n\r\n"


def answer(status: int, *lines: str, body: bytes = b"") -> bytes:
    """Return a response."""
    head = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


@dataclass
class Receiver:
    """What was received, and what is answered: None hangs."""

    port: int = 0
    answers: Answer = lambda _: ACCEPTED
    accepted: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    tasks: set[Any] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks?key=k"

    def types(self) -> list[tuple[str, Any]]:
        """Return the types of the accepted messages, each with the key of its row."""
        return [(one["type"], one["data"]["id"]) for one in self.accepted]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of a connection."""
        self.tasks.add(asyncio.current_task())
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer a request; return whether another may follow."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        assert head[0] == "POST /hooks?key=k HTTP/1.1"
        lines = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in lines}
        content = await reader.readexactly(int(headers["content-length"]))
        for secret in (SECRET, OLD_SECRET):
            Webhook(secret).verify(content, headers)
        message = json.loads(content)
        self.requests.append((headers, message))
        response = self.answers(message)
        if response is None:
            await asyncio.sleep(60)
            return False
        if response[9:10] == b"2":
            self.accepted.append(message)
        writer.write(response)
        await writer.drain()
        return b"\r\n\r\n" in response


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver on a free port."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    yield receiver
    server.close()
    for task in receiver.tasks:
        task.cancel()
    await asyncio.gather(*receiver.tasks, return_exceptions=True)
    await asyncio.sleep(0)  # the connections are closed
