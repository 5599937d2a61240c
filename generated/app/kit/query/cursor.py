"""Cursors: where a page ends, as text that only this application can write.

A cursor holds the sort values of a row. It is signed, together with what was asked: another sort,
another filter or a changed letter makes it invalid.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

_SIGNATURE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Cursor:
    """The row that a page begins behind."""

    values: tuple[str | None, ...]
    """What the row is sorted by, as text."""
    backward: bool = False
    """Whether the page is the one before the row."""
    inclusive: bool = False
    """Whether the row itself is on the page."""


_CURSOR = TypeAdapter(Cursor)


def write_cursor(cursor: Cursor, asked: Sequence[object], secret: bytes) -> str:
    """Write a cursor for the page of what was asked."""
    payload = _CURSOR.dump_json(cursor, exclude_defaults=True)
    signed = _sign(payload, asked, secret) + payload
    return base64.urlsafe_b64encode(signed).decode("ascii").rstrip("=")


def read_cursor(text: str, asked: Sequence[object], secret: bytes) -> Cursor | None:
    """Read a cursor; None if it was not written for what is asked."""
    try:
        signed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        return None
    signature, payload = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
    # One text for each cursor: base64 reads what it would not write.
    same = hmac.compare_digest(signature, _sign(payload, asked, secret))
    if not same or base64.urlsafe_b64encode(signed).decode("ascii").rstrip("=") != text:
        return None
    try:
        return _CURSOR.validate_json(payload)
    except ValidationError:
        return None


def _sign(payload: bytes, asked: Sequence[object], secret: bytes) -> bytes:
    sealed = hashlib.blake2b(digest_size=_SIGNATURE_BYTES, key=secret)
    sealed.update(hashlib.blake2b(repr(asked).encode("utf-8", "surrogatepass")).digest())
    sealed.update(payload)
    return sealed.digest()
