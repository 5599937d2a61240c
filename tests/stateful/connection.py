"""A connection to a server that stays open, with less work per request than a client library."""

import json as json_library
import socket
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import httpx

Parameters = Mapping[str, str] | Sequence[tuple[str, str]]


class Connection:
    """Sends requests. Several can be sent before the first response is read."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, timeout=20)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = self._socket.makefile("rb")

    def close(self) -> None:
        self._received.close()
        self._socket.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Parameters = (),
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        target = quote(path, safe="/?&=%:,")
        if params:
            target += f"?{urlencode(params, quote_via=quote)}"
        lines = [f"{method} {target} HTTP/1.1", "host: test"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        body = b""
        if json is not None:
            body = json_library.dumps(json).encode()
            lines += ["content-type: application/json", f"content-length: {len(body)}"]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        return self._response()

    def ask_all(self, paths: Sequence[str]) -> list[httpx.Response]:
        """Send a GET of each path at once."""
        sent = "".join(f"GET {path} HTTP/1.1\r\nhost: test\r\n\r\n" for path in paths)
        self._socket.sendall(sent.encode())
        return [self._response() for _ in paths]

    def _response(self) -> httpx.Response:
        line = self._received.readline()
        assert line, "the server has closed the connection"
        status, headers = int(line.split()[1]), []
        while line := self._received.readline().strip():
            name, _, value = line.partition(b":")
            headers.append((name.strip().lower(), value.strip()))
        length = int(dict(headers).get(b"content-length", 0)) if status != 304 else 0
        content = self._received.read(length)
        assert dict(headers)[b"x-request-id"]
        return httpx.Response(status, headers=headers, content=content)
