"""A closed connection waits for a client that sends and reads slowly, and not for one that left."""

import asyncio
import gc
import socket
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from crudgen.kit.http import lingering_close
from crudgen.kit.http.protocol import HttpProtocol

POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\nConnection: close\r\n\r\n"
SECONDS = 0.05
ROOM = 30_000_000
"""Bytes of a response, more than the buffers of the system hold."""


async def _answer(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 413, "headers": []})
    await send({"type": "http.response.body", "body": b"x" * ROOM})


def _is_open(client: socket.socket) -> bool:
    """Send something more, and return whether the server still receives it."""
    try:
        client.send(b"x")
    except ConnectionError:
        return False
    return True


async def _wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(4000):
        if condition():
            return
        await asyncio.sleep(0.005)
    pytest.fail("the server did not close the connection")


def _is_closing(made: list[HttpProtocol]) -> bool:
    return bool(made) and made[0].transport is not None and made[0].transport.is_closing()


def _with_client(
    check: Callable[[socket.socket, list[HttpProtocol]], Coroutine[Any, Any, None]],
) -> None:
    """Run a check with a client that is connected to a server, and the protocols of the server."""

    async def serve_and_check() -> None:
        config = Config(_answer, log_config=None)
        config.load()
        made: list[HttpProtocol] = []

        def protocol() -> HttpProtocol:
            made.append(HttpProtocol(config, ServerState(), {}))
            return made[-1]

        loop = asyncio.get_running_loop()
        server = await loop.create_server(protocol, "127.0.0.1", 0)
        async with server:
            with socket.socket() as client:
                client.setblocking(False)
                await loop.sock_connect(client, server.sockets[0].getsockname())
                await check(client, made)

    asyncio.run(serve_and_check())


def test_a_client_that_sends_and_reads_slowly_gets_the_last_response(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lingering_close, "_SECONDS", SECONDS)

    async def check(client: socket.socket, made: list[HttpProtocol]) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(client, POST)
        await _wait_until(lambda: _is_closing(made))
        for _ in range(4):
            await asyncio.sleep(SECONDS)
            await loop.sock_sendall(client, b"x" * 1000)
        received = 0
        while chunk := await loop.sock_recv(client, 1_000_000):
            received += len(chunk)
        assert received > ROOM
        # After that, the server discards nothing more.
        await _wait_until(lambda: not _is_open(client))

    _with_client(check)


def test_nothing_is_kept_of_a_client_that_has_closed_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lingering_close, "_SECONDS", 3600.0)

    async def check(client: socket.socket, made: list[HttpProtocol]) -> None:
        await asyncio.get_running_loop().sock_sendall(client, b"nothing\r\n")
        await _wait_until(lambda: _is_closing(made))
        kept = weakref.ref(made.pop())
        client.close()

        def is_collected() -> bool:
            gc.collect()
            return kept() is None

        await _wait_until(is_collected)

    _with_client(check)
