"""Adds properties that are not columns to the JSON of a row, at the end of the object."""

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
    """Add properties to the JSON object of a response, each with its JSON value.

    `tag` returns the new ETag from the body.
    """
    body = with_json_properties(bytes(response.body), properties)
    location = {"Location": response.headers["location"]} if "location" in response.headers else {}
    return JsonText(body, response.status_code, {**location, **etag_headers(tag(body))})


def with_json_properties(row: bytes, properties: Iterable[tuple[str, bytes]]) -> bytes:
    """Add properties to the JSON of a row, each with its JSON value."""
    members = [] if row == b"{}" else [row[1:-1]]
    members += [to_json(name) + b":" + written for name, written in properties]
    return b"{" + b",".join(members) + b"}"


def joined_etag_before(name: str) -> Callable[[bytes], str]:
    """Return the function that returns the ETag of a body in two parts: of the row, and of all.

    In the body, the row ends before the property `name`.
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
