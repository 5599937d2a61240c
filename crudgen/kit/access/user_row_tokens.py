"""Finds the row of the user who has a token."""

from dataclasses import replace

from sqlalchemy import bindparam, select

from ..database import Database
from ..database.transaction import Row
from .credentials import CREDENTIALS
from .opaque import IssuedToken
from .own_tokens import OF_TOKEN
from .user_rows import UserRows
from .user_table import LOGINS
from .user_tokens import OF_USER, USERS, UserTokens

_c, _u = CREDENTIALS.c, LOGINS.c


class RowTokens(UserTokens):
    """Verifies tokens of users who are rows, and API keys. A token without a row is invalid."""

    def __init__(self, db: Database, rows: UserRows, *, stores_use: bool, has_keys: bool) -> None:
        super().__init__(db, stores_use=stores_use, has_keys=has_keys)
        self._rows = rows
        self.read = (
            select(*OF_TOKEN, *OF_USER, *rows.columns)
            .select_from(
                CREDENTIALS.outerjoin(LOGINS, _c.login_id == _u.id).join(
                    rows.table, rows.key == rows.row_of_token
                )
            )
            .where(_c.id == bindparam("id__"))
        )

    async def read_token(self, row: Row) -> IssuedToken:
        """Return the content of a valid token, with the attributes of the user's row."""
        size = len(OF_TOKEN) + len(OF_USER)
        found = await super().read_token(row[:size])
        claims = found.claims | self._rows.claims(row[size:])
        if claims["iss"] == USERS:
            claims["login_name"] = claims["name"]
        return replace(found, claims=claims)
