"""Signatures of messages, in the format of Standard Webhooks."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence

PREFIX = "whsec_"
MIN_BYTES, MAX_BYTES = 24, 64
MAX_SECRETS = 2
"""The new secret and the former one, while a receiver is switched to the new one."""


class SecretError(ValueError):
    """A secret is invalid. The message does not contain it."""


def read_secrets(text: str) -> tuple[bytes, ...]:
    """Return the secrets of a setting, separated by spaces or commas. Raises SecretError."""
    secrets = tuple(_decode_secret(one) for one in re.split(r"[\s,]+", text.strip()) if one)
    if not 1 <= len(secrets) <= MAX_SECRETS:
        raise SecretError(f"should be one secret, or {MAX_SECRETS} with a space between them")
    return secrets


def _decode_secret(text: str) -> bytes:
    if not text.startswith(PREFIX):
        raise SecretError(f"should begin with {PREFIX}")
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise SecretError(f"should be base64 after {PREFIX}") from None
    if not MIN_BYTES <= len(secret) <= MAX_BYTES:
        size = f"has {len(secret)} bytes"
        raise SecretError(f"{size}, and should have {MIN_BYTES} to {MAX_BYTES}")
    return secret


def sign(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of the header `webhook-signature`: one signature for each secret."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
