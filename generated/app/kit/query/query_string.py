"""Parsing of the query string of a request, in UTF-8 (RFC 3986)."""

from urllib.parse import parse_qsl


def read_pairs(query: bytes) -> list[tuple[str, str]]:
    """Return the names and values in order. Bytes that are not UTF-8 become lone surrogates."""
    text = query.decode("utf-8", "surrogateescape")
    return parse_qsl(text, keep_blank_values=True, errors="surrogateescape")


def is_utf8(text: str) -> bool:
    """Tell whether a name or a value was sent in UTF-8."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def shown(name: str) -> str:
    """Return a name without lone surrogates, which JSON cannot contain."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
