"""The table of tokens that the application issues, and their form."""

import hashlib
import hmac
import json
import re
import secrets
from typing import Any

from sqlalchemy import BigInteger, Column, LargeBinary, Table

from ..database.columns import SerialInteger, Text
from ..models import Model

CREDENTIALS = Table(
    "_credential",
    Model.metadata,
    Column("id", SerialInteger, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
    Column("login_id", BigInteger, index=True),
    Column("name", Text),
    Column("roles", Text),
    Column("claims", Text),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False, index=True),
    Column("used", BigInteger),
)
"""The tokens of users, and API keys: those without `login_id`, with a name, roles and claims."""
_TOKEN = re.compile(r"cg_([1-9][0-9]{0,17})_([A-Za-z0-9_-]{43})")
_SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret of a token: 256 random bits in 43 characters."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def token_of(number: int, secret: str) -> str:
    """Return the text of the token that has this number in the table, and this secret."""
    return f"cg_{number}_{secret}"


def split_token(token: str) -> tuple[int, str] | None:
    """Return the number and the secret in a token; None if it does not have this form."""
    match = _TOKEN.fullmatch(token)
    return None if match is None else (int(match[1]), match[2])


def hash_secret(secret: str) -> bytes:
    """Return the hash of a secret, as it is stored. A secret is random: a fast hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


def matches_hash(secret: str, stored: bytes) -> bool:
    """Return whether the stored hash is that of a secret."""
    return hmac.compare_digest(hash_secret(secret), bytes(stored))


def to_stored_json(value: Any) -> str:
    """Return roles or claims as the JSON text that is stored."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
