"""Cursors for pagination: opaque, signed text.

A cursor contains the sort values of a row. The signature also covers the sort and the filters of
the list, so a cursor is valid only for the list that returned it.
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
    """The position of a page: the row after which it begins."""

    values: tuple[str | None, ...]
    """The sort values of the row, as text."""
    backward: bool = False
    """Whether the page ends before the row instead."""
    inclusive: bool = False
    """Whether the page includes the row."""


_CURSOR = TypeAdapter(Cursor)


def write_cursor(cursor: Cursor, scope: Sequence[object], secret: bytes) -> str:
    """Return a cursor as signed text. `scope` identifies the list that it is valid for."""
    payload = _CURSOR.dump_json(cursor, exclude_defaults=True)
    signed = _signature(payload, scope, secret) + payload
    return base64.urlsafe_b64encode(signed).decode("ascii").rstrip("=")


def read_cursor(text: str, scope: Sequence[object], secret: bytes) -> Cursor | None:
    """Return the cursor of a text; None if it is invalid or has another scope."""
    try:
        signed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        return None
    signature, payload = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
    is_valid = hmac.compare_digest(signature, _signature(payload, scope, secret))
    # Encode again: the decoder ignores invalid characters.
    if not is_valid or base64.urlsafe_b64encode(signed).decode("ascii").rstrip("=") != text:
        return None
    try:
        return _CURSOR.validate_json(payload)
    except ValidationError:
        return None


def _signature(payload: bytes, scope: Sequence[object], secret: bytes) -> bytes:
    signature = hashlib.blake2b(digest_size=_SIGNATURE_BYTES, key=secret)
    signature.update(hashlib.blake2b(repr(scope).encode("utf-8", "surrogatepass")).digest())
    signature.update(payload)
    return signature.digest()
