"""Finds the row of the user who has a token."""

from dataclasses import replace

from sqlalchemy import bindparam, or_, select

from ..database import Database
from ..database.transaction import Row
from .credentials import CREDENTIALS
from .opaque import IssuedToken
from .own_tokens import OF_TOKEN
from .user_rows import ROW, UserRows
from .user_table import LOGINS
from .user_tokens import OF_USER, USERS, UserTokens

_c, _u = CREDENTIALS.c, LOGINS.c


class RowTokens(UserTokens):
    """Verifies tokens of users who are rows, and API keys.

    A token without a row is invalid, and so is a key that acts as the row of a disabled user.
    """

    def __init__(self, db: Database, rows: UserRows, *, stores_use: bool, has_keys: bool) -> None:
        super().__init__(db, stores_use=stores_use, has_keys=has_keys)
        self._rows = rows
        of_user = or_(_c.login_id == _u.id, _c[ROW] == _u[ROW])
        self.read = (
            select(*OF_TOKEN, *OF_USER, *rows.columns)
            .select_from(
                CREDENTIALS.outerjoin(LOGINS, of_user).join(
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
