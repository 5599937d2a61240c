"""Adds, lists and changes users, for commands. It checks no rules."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from json import loads
from typing import Any

from fastapi import HTTPException
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from .caller import BaseCaller
from .credentials import CREDENTIALS, LOGINS, as_json
from .login_routes import MAX_USER_NAME
from .own_tokens import USERS
from .passwords import Passwords, password_problem

_u = LOGINS.c


class AccountError(Exception):
    """A user cannot be added or changed. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user."""

    id: int
    name: str
    roles: Sequence[str]
    claims: Mapping[str, Any] = field(default_factory=dict)
    created: str = ""
    disabled: bool = False


class Accounts:
    """The users in a database."""

    def __init__(self, session: Session, caller: type[BaseCaller], passwords: Passwords) -> None:
        self.session, self._caller, self.passwords = session, caller, passwords

    def add(
        self, name: str, password: str, roles: Sequence[str] = (), me: Sequence[str] = ()
    ) -> Account:
        """Add a user; `me` are attributes of the caller, as `name=value`. Raises AccountError."""
        _check_name(name)
        known = self._roles(roles)
        claims = self._claims(me)
        row = {
            "name": name,
            "password": self._hashed(password),
            "roles": as_json(known),
            "claims": as_json(claims),
            "created": int(time.time()),
        }
        try:
            number = self.session.execute(insert(LOGINS).values(row).returning(_u.id)).scalar_one()
        except IntegrityError:
            remedy = "choose another name, or set a password: user password NAME"
            raise AccountError(f"the user {name!r} exists already\n  {remedy}") from None
        self._check_caller(number, name, known, claims)
        self.session.commit()
        return self.find(name)

    def all(self) -> list[Account]:
        """Return all users, by name."""
        return [_account(row) for row in self.session.execute(_SELECT.order_by(_u.name))]

    def find(self, name: str) -> Account:
        """Return a user. Raises AccountError if there is none with this name."""
        row = self.session.execute(_SELECT.where(_u.name == name)).first()
        if row is None:
            raise AccountError(f"there is no user {name!r}\n  see: user list")
        return _account(row)

    def set_roles(self, name: str, roles: Sequence[str]) -> Account:
        """Replace the roles of a user."""
        return self._set(name, roles=as_json(self._roles(roles)))

    def set_password(self, name: str, password: str) -> Account:
        """Set the password of a user, and withdraw their tokens."""
        return self._set(name, withdraws=True, password=self._hashed(password))

    def disable(self, name: str) -> Account:
        """Refuse logins of a user, and withdraw their tokens."""
        return self._set(name, withdraws=True, disabled=int(time.time()))

    def enable(self, name: str) -> Account:
        """Allow logins of a user again."""
        return self._set(name, disabled=None)

    def _set(self, name: str, *, withdraws: bool = False, **values: Any) -> Account:
        user = self.find(name)
        self.session.execute(update(LOGINS).where(_u.id == user.id).values(**values))
        if withdraws:
            self.session.execute(delete(CREDENTIALS).where(CREDENTIALS.c.login_id == user.id))
        self.session.commit()
        return self.find(name)

    def _hashed(self, password: str) -> str:
        if (reason := password_problem(password)) is not None:
            raise AccountError(reason)
        return self.passwords.hash(password)

    def _roles(self, roles: Sequence[str]) -> list[str]:
        known = self._caller.__roles__
        for one in roles:
            if one not in known:
                listed = ", ".join(known) or "none"
                raise AccountError(f"unknown role {one!r}\n  roles of 'auth' in the spec: {listed}")
        return sorted({*roles})

    def _claims(self, me: Sequence[str]) -> dict[str, str | bool]:
        """Return the claims that `name=value` texts are about."""
        fields = self._caller.model_fields
        own = [name for name in fields if name not in {"subject", "issuer", "roles", "name"}]
        claims: dict[str, str | bool] = {}
        for one in me:
            name, separator, value = one.partition("=")
            if not separator or name not in own or _claim_of(self._caller, name) == "sub":
                given = [n for n in own if _claim_of(self._caller, n) != "sub"]
                listed = ", ".join(given) or "none"
                raise AccountError(
                    f"cannot set {one!r}\n  write NAME=VALUE; attributes of a user: {listed}"
                )
            is_flag = value in {"true", "false"} and fields[name].annotation in {bool, bool | None}
            claims[_claim_of(self._caller, name)] = value == "true" if is_flag else value
        return claims

    def _check_caller(
        self, number: int, name: str, roles: Sequence[str], claims: Mapping[str, Any]
    ) -> None:
        """Raise AccountError if the application would refuse the user as a caller."""
        own = {"iss": USERS, "sub": str(number), "name": name, self._caller.__roles_claim__: roles}
        try:
            self._caller.from_claims({**claims, **own})
        except HTTPException as error:
            reason = str(error.detail).replace("The token", "The user")
            raise AccountError(f"{reason}\n  give it with --me NAME=VALUE") from None


_SELECT = select(_u.id, _u.name, _u.roles, _u.claims, _u.created, _u.disabled)


def _account(row: Any) -> Account:
    created = datetime.fromtimestamp(row.created, UTC).isoformat().replace("+00:00", "Z")
    disabled = row.disabled is not None
    return Account(row.id, row.name, loads(row.roles), loads(row.claims), created, disabled)


def _claim_of(caller: type[BaseCaller], name: str) -> str:
    """Return the claim that an attribute of callers is."""
    alias: Any = caller.model_fields[name].validation_alias
    return str(alias.choices[0])


def _check_name(name: str) -> None:
    if not (0 < len(name) <= MAX_USER_NAME and name.isprintable() and name == name.strip()):
        rule = f"1 to {MAX_USER_NAME} printable characters, without spaces at the ends"
        raise AccountError(f"invalid user name {name!r}\n  a name has {rule}")
