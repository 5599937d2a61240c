"""Sends the home page of a server. Reason to change: which requests get it.

It is for the person who edits a spec on this machine: browsers get it at `/` if the application has
no such path. The Host must be a loopback name too: otherwise a page of another site, whose name
leads here, could read it.
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import MutableMapping
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import urlsplit

from crudgen.delivery.generation import Generation, Message, Receive, Send

_STYLE = re.compile("<style>(.*?)</style>", re.DOTALL)


class Home(Protocol):
    """Makes the home page. The command line implements it."""

    def page(self, generation: Generation) -> str:
        """Return the HTML of the page. It is called in a thread."""


class HomePage:
    """Adds the home page to an application."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._one_at_a_time = asyncio.Lock()

    async def forward(
        self,
        generation: Generation,
        scope: MutableMapping[str, Any],
        receive: Receive,
        send: Send,
    ) -> None:
        """Forward a request to an application. If it has no path `/`, send the page."""
        is_unknown = False

        async def send_unless_unknown(message: Message) -> None:
            nonlocal is_unknown
            if message["type"] == "http.response.start":
                # A route, or a mounted application, has set its endpoint.
                is_unknown = message["status"] == 404 and "endpoint" not in scope
            if not is_unknown:
                await send(message)

        with generation.pending_request():
            await generation(scope, receive, send_unless_unknown)
            if is_unknown:
                async with self._one_at_a_time:
                    html = await asyncio.to_thread(self._home.page, generation)
                await _send_page(html, send, has_body=scope["method"] == "GET")


def is_home_request(scope: MutableMapping[str, Any]) -> bool:
    """Return whether a request is that of a browser on this machine for `/`."""
    if scope["type"] != "http" or scope["path"] != "/" or scope["method"] not in {"GET", "HEAD"}:
        return False
    headers = dict(scope["headers"])
    return b"text/html" in headers.get(b"accept", b"") and _is_loopback_host(
        headers.get(b"host", b"").decode("latin-1")
    )


def is_loopback(address: str) -> bool:
    """Return whether an IP address is a loopback address, such as 127.0.0.1."""
    return ip_address(address).is_loopback


def _is_loopback_host(host: str) -> bool:
    """Return whether the value of a Host header names this machine: localhost, 127.0.0.1."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or is_loopback(name)
    except ValueError:
        return False


async def _send_page(html: str, send: Send, *, has_body: bool) -> None:
    body = html.encode()
    styles = " ".join(
        f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"
        for style in _STYLE.findall(html)
    )
    policy = (
        f"default-src 'none'; style-src {styles}; img-src data:; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-length": str(len(body)),
        "content-security-policy": policy,
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": pairs})
    await send({"type": "http.response.body", "body": body if has_body else b""})
