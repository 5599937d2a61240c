"""Finds who has a token that the application has issued. Without users, these are API keys."""

import json
import time
from contextlib import suppress
from typing import Any

from sqlalchemy import Select, bindparam, select, update

from ..database import Database
from ..database.transaction import Row
from .credentials import CREDENTIALS, is_secret, parts_of
from .errors import Unauthorized
from .opaque import Issued

KEYS = "keys"
"""The issuer of the callers who have an API key."""
USE_SECONDS = 60
"""The last use of a key is stored at most once in this time."""
UNKNOWN = "The token is unknown, has expired, or was withdrawn"
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
        """`stores_use` says whether the database may be written."""
        self._db, self._stores_use = db, stores_use

    async def find(self, token: str) -> Issued | None:
        """Return what a token says; None if it does not have the form of the application's tokens.

        Raises Unauthorized if it is not valid.
        """
        parts = parts_of(token)
        if parts is None:
            return None
        number, secret = parts
        rows = await self._db.read(self.read, {"id__": number}, short=True)
        if not rows or not is_secret(secret, rows[0][0]) or rows[0][1] <= time.time():
            raise Unauthorized(UNKNOWN)
        return await self.issued(rows[0])

    async def issued(self, row: Row) -> Issued:
        """Return what a valid token says, by its row; here, an API key."""
        _, expires, number, name, roles, claims, used = row[: len(OF_TOKEN)]
        now = int(time.time())
        if self._stores_use and (used is None or now - used >= USE_SECONDS):
            with suppress(Exception):  # a key is valid also if its use cannot be stored
                await self._db.write(_USE, {"id__": number, "used": now}, ("used",))
        own = {"iss": KEYS, "name": name}
        return Issued({**key_claims(number, json.loads(claims)), **own}, json.loads(roles), expires)


def key_claims(number: int, claims: dict[str, Any]) -> dict[str, Any]:
    """Return the claims of an API key: `sub` is negative, unless it is one of them.

    So a key is not taken for a user with the same number.
    """
    return {"sub": str(-number), **claims}
