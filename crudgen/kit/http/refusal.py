"""Responses to requests that do not reach the application. Each one closes its connection."""

import json
from collections.abc import Iterable
from http import HTTPStatus

from .headers import Header, with_default_headers

Refusal = tuple[HTTPStatus, str]
"""A status, and the `detail` of the response."""

INVALID: Refusal = HTTPStatus.BAD_REQUEST, "The request is not valid HTTP"
TOO_LARGE: Refusal = (
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "The headers are too large or too many",
)


def encode(refusal: Refusal, defaults: Iterable[Header], *, is_head: bool) -> bytes:
    """Return a response as bytes, with the default headers of the server."""
    status, detail = refusal
    body = json.dumps({"detail": detail}).encode()
    headers = [
        *defaults,
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
    lines += [name + b": " + value for name, value in with_default_headers(headers)]
    return b"\r\n".join([*lines, b"", b"" if is_head else body])
