"""Headers of requests that were parsed before: clients send the same bytes with each request."""

import re
from collections.abc import Mapping, Sequence

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from ..http.direct_responses import MAX_HEAD_BYTES, MAX_HEADERS
from ..http.headers import Header
from ..http.request_head import find_refusal

MAX_HEADS = 1000
"""Most heads in each of the two generations of the cache."""
HARMLESS = {
    b"accept",
    b"accept-encoding",
    b"accept-language",
    b"authorization",
    b"cache-control",
    b"connection",
    b"host",
    b"pragma",
    b"user-agent",
}
"""Headers that only guards read, or nobody."""
_OF_BODIES = {b"content-length", b"content-type"}
_LENGTH = re.compile(rb"[0-9]{1,9}")


class ParsedHead:
    """Headers without repetitions, of requests that keep the connection open."""

    __slots__ = ("by_name", "headers", "length")

    def __init__(self, headers: Sequence[Header], length: int | None) -> None:
        self.headers = headers
        self.by_name: Mapping[bytes, bytes] = dict(headers)
        self.length = length
        """The length of the body; None without Content-Length and Content-Type."""


class HeadCache:
    """A cache of heads, by their bytes after the request line.

    A full generation replaces the former one, so heads that are in use stay in the cache, whatever
    other clients send.
    """

    def __init__(self) -> None:
        self._heads: dict[bytes, ParsedHead | None] = {}
        self._former: dict[bytes, ParsedHead | None] = {}

    def find(self, data: bytes) -> ParsedHead | None:
        """Return the head with these bytes; None if a request with it needs a parser.

        The bytes must be those of exactly one head, up to the blank line.
        """
        known = self._heads.get(data)
        if known is None and data not in self._heads and len(data) <= MAX_HEAD_BYTES:
            known = self._former[data] if data in self._former else _parse(data)
            if len(self._heads) >= MAX_HEADS:
                self._former, self._heads = self._heads, {}
            self._heads[data] = known
        return known


class _Parsing:
    """Parses a head; the parser calls the methods `on_…`."""

    def __init__(self) -> None:
        self.parser = HttpRequestParser(self)
        self.headers: list[Header] = []
        self.keeps_alive = False
        self.begun = 0
        self.completed = 0

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.keeps_alive = self.parser.should_keep_alive()  # the parser knows it only now

    def on_message_complete(self) -> None:
        self.completed += 1


def _parse(data: bytes) -> ParsedHead | None:
    """Return a head if it is valid and has only harmless headers or those of bodies, each once."""
    if data.find(b"\r\n\r\n") != len(data) - 4 or data.startswith(b"\r\n"):
        return None  # more than one request, or part of one; or no headers
    parsed = _Parsing()
    try:
        parsed.parser.feed_data(b"POST / HTTP/1.1\r\n" + data)
    except (HttpParserError, HttpParserUpgrade):
        return None
    by_name = dict(parsed.headers)
    is_plain = (
        parsed.begun == 1
        and parsed.keeps_alive
        and len(by_name) == len(parsed.headers) <= MAX_HEADERS
        and by_name.keys() <= HARMLESS | _OF_BODIES
        and find_refusal("1.1", b"/", parsed.headers) is None
    )
    if not is_plain:
        return None
    length = None
    if not by_name.keys().isdisjoint(_OF_BODIES):
        sent = by_name.get(b"content-length", b"")
        if not _LENGTH.fullmatch(sent):
            return None
        length = int(sent)
    return ParsedHead(parsed.headers, length) if parsed.completed == (not length) else None
