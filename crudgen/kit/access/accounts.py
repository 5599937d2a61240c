"""Adds, lists and changes users, for commands. It checks no rules."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from json import loads
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from .caller import BaseCaller
from .credentials import CREDENTIALS, to_stored_json
from .login_routes import MAX_USER_NAME
from .passwords import Passwords, password_problem
from .subjects import AccountError, check_caller, check_name, parse_claims, time_text, valid_roles
from .user_table import LOGINS
from .user_tokens import user_claims

_u = LOGINS.c
OF_ACCOUNT = (_u.name, _u.roles, _u.claims, _u.created, _u.disabled)
"""The columns of an account, without its id."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user."""

    id: int | str | None
    """The number of the user; or, if users are rows, the key of their row, or None without one."""
    name: str
    roles: Sequence[str]
    claims: Mapping[str, Any] = field(default_factory=dict)
    created: str = ""
    disabled: bool = False


class Accounts:
    """The users in a database."""

    def __init__(self, session: Session, caller: type[BaseCaller], passwords: Passwords) -> None:
        self.session, self._caller, self.passwords = session, caller, passwords
        self._select = select(_u.id, *OF_ACCOUNT)

    def add(
        self, name: str, password: str, roles: Sequence[str] = (), me: Sequence[str] = ()
    ) -> Account:
        """Add a user; `me` are attributes for rules, as `name=value`. Raises AccountError."""
        login = self._new_login(name, password, roles)
        claims: dict[str, Any] = {**parse_claims(self._caller, me)}
        number = self._insert(login | {"claims": to_stored_json(claims)})
        check_caller(self._caller, user_claims(number, name, claims), loads(login["roles"]))
        return self._commit_and_find(name)

    def all(self) -> list[Account]:
        """Return all users, by name."""
        return [
            _account_of_row(row) for row in self.session.execute(self._select.order_by(_u.name))
        ]

    def find(self, name: str) -> Account:
        """Return a user. Raises AccountError if there is none with this name."""
        row = self.session.execute(self._select.where(_u.name == name)).first()
        if row is None:
            raise AccountError(f"there is no user {name!r}\n  see: user list")
        return _account_of_row(row)

    def set_roles(self, name: str, roles: Sequence[str]) -> Account:
        """Replace the roles of a user."""
        return self._update_login(name, roles=to_stored_json(valid_roles(self._caller, roles)))

    def set_password(self, name: str, password: str) -> Account:
        """Set the password of a user, and revoke their tokens."""
        return self._update_login(name, revokes_tokens=True, password=self._hash_password(password))

    def disable(self, name: str) -> Account:
        """Refuse logins of a user, and revoke their tokens."""
        return self._update_login(name, revokes_tokens=True, disabled=int(time.time()))

    def enable(self, name: str) -> Account:
        """Allow logins of a user again."""
        return self._update_login(name, disabled=None)

    def _update_login(self, name: str, *, revokes_tokens: bool = False, **values: Any) -> Account:
        self.find(name)
        self.session.execute(update(LOGINS).where(_u.name == name).values(**values))
        if revokes_tokens:
            number = select(_u.id).where(_u.name == name).scalar_subquery()
            self.session.execute(delete(CREDENTIALS).where(CREDENTIALS.c.login_id == number))
        return self._commit_and_find(name)

    def _new_login(self, name: str, password: str, roles: Sequence[str]) -> dict[str, Any]:
        """Return the values of a new login. Raises AccountError if an argument is invalid."""
        check_name("user name", name, MAX_USER_NAME)
        known = valid_roles(self._caller, roles)
        return {
            "name": name,
            "password": self._hash_password(password),
            "roles": to_stored_json(known),
            "claims": to_stored_json({}),
            "created": int(time.time()),
        }

    def _insert(self, login: dict[str, Any]) -> int:
        """Insert a login; return its number. Raises AccountError if the name is taken."""
        try:
            statement = insert(LOGINS).values(login).returning(_u.id)
            number: int = self.session.execute(statement).scalar_one()
        except IntegrityError:
            remedy = "choose another name, or set a password: user password NAME"
            found = f"the user {login['name']!r} exists already"
            raise AccountError(f"{found}\n  {remedy}") from None
        return number

    def _commit_and_find(self, name: str) -> Account:
        """Commit, and return the user with this name."""
        self.session.commit()
        return self.find(name)

    def _hash_password(self, password: str) -> str:
        if (reason := password_problem(password)) is not None:
            raise AccountError(reason)
        return self.passwords.hash(password)


def json_key(key: Any) -> int | str | None:
    """Return the key of a row as in JSON."""
    return key if key is None or isinstance(key, int) else str(key)


def _account_of_row(row: Any) -> Account:
    number, created, disabled = json_key(row.id), time_text(row.created), row.disabled is not None
    return Account(number, row.name, loads(row.roles), loads(row.claims), created, disabled)
