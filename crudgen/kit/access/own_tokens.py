"""Verifies tokens that the application has issued. Without users, these are API keys."""

import json
import time
from contextlib import suppress
from typing import Any

from sqlalchemy import Select, bindparam, select, update

from ..database import Database
from ..database.transaction import Row
from .credentials import CREDENTIALS, matches_hash, split_token
from .errors import Unauthorized
from .opaque import IssuedToken

KEYS = "keys"
"""The issuer of the callers who have an API key."""
USE_SECONDS = 60
"""The last use of a key is stored at most once in this time."""
UNKNOWN = "The token is unknown, has expired, or was revoked"
"""The same for all reasons: nobody learns which tokens exist."""
_c = CREDENTIALS.c
OF_TOKEN = (_c.hash, _c.expires, _c.id, _c.name, _c.roles, _c.claims, _c.used)
"""The columns of a token, before those of its user."""
_USE = update(CREDENTIALS).where(_c.id == bindparam("id__")).returning(_c.id)


class OwnTokens:
    """The tokens that an application has issued."""

    read: Select[*tuple[Any, ...]] = select(*OF_TOKEN).where(
        _c.id == bindparam("id__"), _c.login_id.is_(None)
    )
    """Reads the row of a token."""

    def __init__(self, db: Database, *, stores_use: bool = True) -> None:
        """`stores_use`: store when an API key is used. A read-only database cannot."""
        self._db, self._stores_use = db, stores_use

    async def find(self, token: str) -> IssuedToken | None:
        """Return the content of a token; None if it is not in the form of the application's tokens.

        Raises Unauthorized if it is not valid.
        """
        parts = split_token(token)
        if parts is None:
            return None
        number, secret = parts
        rows = await self._db.read(self.read, {"id__": number}, short=True)
        if not rows or not matches_hash(secret, rows[0][0]) or rows[0][1] <= time.time():
            raise Unauthorized(UNKNOWN)
        return await self.read_token(rows[0])

    async def read_token(self, row: Row) -> IssuedToken:
        """Return the content of a valid token from its row; here, of an API key."""
        _, expires, number, name, roles, claims, used = row[: len(OF_TOKEN)]
        now = int(time.time())
        if self._stores_use and (used is None or now - used >= USE_SECONDS):
            with suppress(Exception):  # a key is valid also if its use cannot be stored
                await self._db.write(_USE, {"id__": number, "used": now}, ("used",))
        own = {"iss": KEYS, "name": name}
        return IssuedToken(
            {**key_claims(number, json.loads(claims)), **own}, json.loads(roles), expires
        )


def key_claims(number: int, claims: dict[str, Any]) -> dict[str, Any]:
    """Return the claims of an API key. Without a claim `sub`, it is the negative number.

    So a key is not taken for a user with the same number.
    """
    return {"sub": str(-number), **claims}
