"""Adds API keys whose caller is a row of the users, for commands. It checks no rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from .accounts import json_key
from .api_keys import OF_KEY, ApiKey, ApiKeys, key_values
from .caller import BaseCaller
from .credentials import CREDENTIALS
from .new_user_rows import existing_row
from .subjects import AccountError
from .user_rows import ROW, UserRows
from .user_table import LOGINS


@dataclass(frozen=True, slots=True)
class RowKey(ApiKey):
    """An API key whose caller is a row."""

    row: int | str | None = None


class RowKeys(ApiKeys):
    """The API keys in a database. The caller of each is a row of the users."""

    def __init__(self, session: Session, caller: type[BaseCaller], rows: UserRows) -> None:
        super().__init__(session, caller)
        self._rows = rows
        self._columns = (*OF_KEY, CREDENTIALS.c[ROW])

    def add(
        self,
        name: str,
        days: int,
        roles: Sequence[str] = (),
        me: Sequence[str] = (),
        *,
        row: str | None = None,
    ) -> tuple[ApiKey, str]:
        """Add a key of a row; return it, and its token. Raises AccountError."""
        if me:
            raise AccountError("a key acts as a row: instead of --me, write --row KEY")
        if row is None:
            table = self._rows.model.__name__
            raise AccountError(f"a key acts as a row of {table}\n  add --row KEY")
        new, secret = self._new_key(name, days, roles)
        key = existing_row(self._rows, self.session, row)
        self._check_enabled(key)
        return self._commit_and_find(self._insert(new | {ROW: key}), secret)

    def _check_enabled(self, key: Any) -> None:
        """Raise AccountError if a row is a disabled user, whose keys are refused."""
        disabled = (LOGINS.c[ROW] == key, LOGINS.c.disabled.is_not(None))
        name = self.session.execute(select(LOGINS.c.name).where(*disabled)).scalar()
        if name is not None:
            table = self._rows.model.__name__
            raise AccountError(
                f"the row {key} of {table} is the user {name!r}, who is disabled\n"
                f"  for keys of this row: user enable {name}"
            )

    def _key(self, row: Any) -> ApiKey:
        return RowKey(**key_values(row), row=json_key(row[-1]))
