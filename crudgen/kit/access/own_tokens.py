"""Finds who has a token that the application has issued."""

import json
import time

from sqlalchemy import bindparam, select

from ..database import Database
from .credentials import CREDENTIALS, LOGINS, is_secret, parts_of
from .errors import Unauthorized
from .opaque import Issued

USERS = "users"
"""The issuer of the callers who have logged in."""
_c, _u = CREDENTIALS.c, LOGINS.c
_READ = (
    select(_c.hash, _c.expires, _u.id, _u.name, _u.roles, _u.claims, _u.disabled)
    .select_from(CREDENTIALS.join(LOGINS, _c.login_id == _u.id))
    .where(_c.id == bindparam("id__"))
)
UNKNOWN = "The token is unknown, has expired, or was withdrawn"
"""The same for all reasons: nobody learns which tokens exist."""


class OwnTokens:
    """The tokens that an application has issued."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, token: str) -> Issued | None:
        """Return what a token says; None if it does not have the form of the application's tokens.

        Raises Unauthorized if it is not valid.
        """
        parts = parts_of(token)
        if parts is None:
            return None
        number, secret = parts
        rows = await self._db.read(_READ, {"id__": number}, short=True)
        if not rows:
            raise Unauthorized(UNKNOWN)
        stored, expires, user, name, roles, claims, disabled = rows[0]
        if not is_secret(secret, stored) or expires <= time.time() or disabled is not None:
            raise Unauthorized(UNKNOWN)
        own = {"iss": USERS, "sub": str(user), "name": name}
        return Issued({**json.loads(claims), **own}, json.loads(roles), expires)
