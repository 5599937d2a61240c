"""Headers that every answer has: what browsers need to be told about an API."""

from collections.abc import Iterable

from starlette.types import Message, Send

Header = tuple[bytes, bytes]
USUAL: list[Header] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
"""An answer that has one of them already keeps its own."""
OF_PAGES: Header = (
    b"content-security-policy",
    b"; ".join(
        [
            b"default-src 'none'",
            b"base-uri 'none'",
            b"connect-src 'self'",
            b"font-src https://fonts.gstatic.com",
            b"form-action 'none'",
            b"frame-ancestors 'none'",
            b"img-src 'self' data: https://fastapi.tiangolo.com https://cdn.redoc.ly",
            b"script-src 'unsafe-inline' https://cdn.jsdelivr.net",
            b"style-src 'unsafe-inline' https://cdn.jsdelivr.net https://fonts.googleapis.com",
            b"worker-src blob:",
        ]
    ),
)
"""For /docs and /redoc: what FastAPI's pages load, and nothing else."""


def with_usual(headers: Iterable[Header]) -> list[Header]:
    """Add the usual headers to those of an answer."""
    own = list(headers)
    names = {name for name, _ in own}
    return own + [header for header in USUAL if header[0] not in names]


def adding(send: Send, *more: Header) -> Send:
    """Wrap `send`, so that answers have the usual headers and more."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*with_usual(message.get("headers", ())), *more]}
        await send(message)

    return send_with_headers
