"""Verifies the tokens of logins, in an application with users."""

import json
from typing import Any

from sqlalchemy import bindparam, select

from ..database import Database
from ..database.transaction import Row
from .credentials import CREDENTIALS
from .errors import Unauthorized
from .opaque import IssuedToken
from .own_tokens import OF_TOKEN, UNKNOWN, OwnTokens
from .user_table import LOGINS

USERS = "users"
"""The issuer of the callers who have logged in."""
_c, _u = CREDENTIALS.c, LOGINS.c
OF_USER = (_c.login_id, _u.id, _u.name, _u.roles, _u.claims, _u.disabled)
"""The columns of a token's user."""


class UserTokens(OwnTokens):
    """Verifies tokens of users, and API keys."""

    read = (
        select(*OF_TOKEN, *OF_USER)
        .select_from(CREDENTIALS.outerjoin(LOGINS, _c.login_id == _u.id))
        .where(_c.id == bindparam("id__"))
    )

    def __init__(self, db: Database, *, stores_use: bool, has_keys: bool) -> None:
        """`has_keys` says whether API keys are accepted."""
        super().__init__(db, stores_use=stores_use)
        self._has_keys = has_keys

    async def read_token(self, row: Row) -> IssuedToken:
        """Return the content of a valid token. Raises Unauthorized if its user is disabled."""
        login, user, name, roles, claims, disabled = row[len(OF_TOKEN) :]
        if disabled is not None:
            raise Unauthorized(UNKNOWN)
        if login is None and self._has_keys:
            return await super().read_token(row)
        if login is None or user is None:
            raise Unauthorized(UNKNOWN)
        return IssuedToken(user_claims(user, name, json.loads(claims)), json.loads(roles), row[1])


def user_claims(number: int, name: str, claims: dict[str, Any]) -> dict[str, Any]:
    """Return the claims of a user: `sub` is their number, unless it is one of `claims`."""
    return {"sub": str(number), **claims, "iss": USERS, "name": name}
