"""Adds users who are rows, and links logins (a name and a password) to rows; checks no rules."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from .accounts import OF_ACCOUNT, Account, Accounts
from .caller import BaseCaller
from .new_user_rows import find_or_insert_row
from .passwords import Passwords
from .subjects import AccountError
from .user_rows import ROW, UserRows
from .user_table import LOGINS


class RowAccounts(Accounts):
    """The users in a database. The `id` of an account is the key of its row."""

    def __init__(
        self, session: Session, caller: type[BaseCaller], passwords: Passwords, rows: UserRows
    ) -> None:
        super().__init__(session, caller, passwords)
        self._rows, self._row = rows, LOGINS.c[ROW]
        self._select = select(self._row.label("id"), *OF_ACCOUNT)

    def add(
        self,
        name: str,
        password: str,
        roles: Sequence[str] = (),
        me: Sequence[str] = (),
        *,
        row: str | None = None,
        values: Sequence[str] = (),
    ) -> Account:
        """Add a user who is the existing row `row`, or a new row with `name=value` texts.

        Raises AccountError.
        """
        if me:
            raise AccountError("users are rows of an entity: instead of --me, write --set or --row")
        login = self._new_login(name, password, roles)
        self._insert(login | {ROW: self._row_without_login(row, values)})
        return self._commit_and_find(name)

    def link(self, name: str, row: str | None = None, values: Sequence[str] = ()) -> Account:
        """Link a login without a row to a row. Raises AccountError if it has one."""
        found = self.find(name)
        if found.id is not None:
            table = self._rows.model.__name__
            raise AccountError(f"the user {name!r} is the row {found.id} of {table} already")
        return self._update_login(name, **{ROW: self._row_without_login(row, values)})

    def _row_without_login(self, row: str | None, values: Sequence[str]) -> Any:
        """Return the key of an existing or new row. Raises AccountError if it has a login."""
        key = find_or_insert_row(self._rows, self.session, row, values)
        taken = select(LOGINS.c.name).where(self._row == key)
        if (name := self.session.execute(taken).scalar()) is not None:
            table = self._rows.model.__name__
            raise AccountError(
                f"the row {key} of {table} is the user {name!r} already\n"
                f"  for a new password: user password {name}"
            )
        return key
