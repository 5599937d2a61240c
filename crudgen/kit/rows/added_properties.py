"""Responses with a row and properties that are not columns of it, at the end of the object."""

import re
from collections.abc import Callable, Iterable

from fastapi import Response
from pydantic_core import to_json

from ..http.etag import etag, etag_headers, joined_etag
from ..http.headers import JsonText

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{}]')
"""A string or a bracket of JSON."""


def with_properties(
    response: Response, properties: Iterable[tuple[str, bytes]], tag: Callable[[bytes], str]
) -> Response:
    """Return a response with more properties, each with its JSON; `tag` returns its ETag."""
    body = extended(bytes(response.body), properties)
    location = {"Location": response.headers["location"]} if "location" in response.headers else {}
    return JsonText(body, response.status_code, {**location, **etag_headers(tag(body))})


def extended(row: bytes, properties: Iterable[tuple[str, bytes]]) -> bytes:
    """Return the JSON of a row with more properties, each with its JSON."""
    members = [] if row == b"{}" else [row[1:-1]]
    members += [to_json(name) + b":" + written for name, written in properties]
    return b"{" + b",".join(members) + b"}"


def tag_before(name: str) -> Callable[[bytes], str]:
    """Return a function of a body that returns its ETag, which begins with that of the row.

    The row ends before the property `name`.
    """
    start = to_json(name) + b":"

    def tag(body: bytes) -> str:
        depth = 0
        for token in _TOKEN.finditer(body):
            if token[0] in b"[{":
                depth += 1
            elif token[0] in b"]}":
                depth -= 1
            elif depth == 1 and body.startswith(start, token.start()):
                return joined_etag(body[: token.start() - 1] + b"}", body)
        return etag(body)

    return tag
