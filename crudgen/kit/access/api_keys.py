"""Adds, lists and revokes API keys, for commands. It checks no rules."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from json import loads
from typing import Any

from sqlalchemy import Column, Select, delete, insert, select
from sqlmodel import Session

from .caller import BaseCaller
from .credentials import CREDENTIALS, hash_secret, new_secret, to_stored_json, token_of
from .own_tokens import KEYS, key_claims
from .subjects import AccountError, check_caller, check_name, parse_claims, time_text, valid_roles

MAX_DAYS = 3650
MAX_KEY_NAME = 100
_DAY = 86_400
_c = CREDENTIALS.c
OF_KEY = (_c.id, _c.name, _c.roles, _c.claims, _c.created, _c.expires, _c.used)
"""The columns of a key."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key, without its secret."""

    id: int
    name: str
    roles: Sequence[str]
    claims: Mapping[str, Any] = field(default_factory=dict)
    created: str = ""
    expires: str = ""
    used: str | None = None
    """When it was last used; up to a minute later, it may have been used again."""


class ApiKeys:
    """The API keys in a database."""

    def __init__(self, session: Session, caller: type[BaseCaller]) -> None:
        self.session, self._caller = session, caller
        self._columns: Sequence[Column[Any]] = OF_KEY

    def add(
        self, name: str, days: int, roles: Sequence[str] = (), me: Sequence[str] = ()
    ) -> tuple[ApiKey, str]:
        """Add a key; return it, and its token. Raises AccountError."""
        new, secret = self._new_key(name, days, roles)
        claims: dict[str, Any] = {**parse_claims(self._caller, me)}
        number = self._insert(new | {"claims": to_stored_json(claims)})
        own = {"iss": KEYS, "name": name}
        check_caller(self._caller, {**key_claims(number, claims), **own}, loads(new["roles"]))
        return self._commit_and_find(number, secret)

    def all(self) -> list[ApiKey]:
        """Return all keys, from the oldest."""
        return [self._key(row) for row in self.session.execute(self._select_keys().order_by(_c.id))]

    def find(self, number: int) -> ApiKey:
        """Return a key. Raises AccountError if there is none with this number."""
        row = self.session.execute(self._select_keys().where(_c.id == number)).first()
        if row is None:
            raise AccountError(f"there is no key {number}\n  see: key list")
        return self._key(row)

    def revoke(self, number: int) -> ApiKey:
        """Delete a key, and return it."""
        found = self.find(number)
        self.session.execute(delete(CREDENTIALS).where(_c.id == found.id))
        self.session.commit()
        return found

    def _select_keys(self) -> Select[*tuple[Any, ...]]:
        return select(*self._columns).where(_c.login_id.is_(None))

    def _key(self, row: Any) -> ApiKey:
        """Return the key that a row of the table describes."""
        return ApiKey(**key_values(row))

    def _new_key(self, name: str, days: int, roles: Sequence[str]) -> tuple[dict[str, Any], str]:
        """Return the values of a new key, and its secret. Raises AccountError if one is invalid."""
        check_name("name of a key", name, MAX_KEY_NAME)
        if not 1 <= days <= MAX_DAYS:
            raise AccountError(f"a key is valid for 1 to {MAX_DAYS} days, not {days}")
        known = valid_roles(self._caller, roles)
        now, secret = int(time.time()), new_secret()
        values = {
            "hash": hash_secret(secret),
            "name": name,
            "roles": to_stored_json(known),
            "claims": to_stored_json({}),
            "created": now,
            "expires": now + days * _DAY,
        }
        return values, secret

    def _insert(self, values: dict[str, Any]) -> int:
        """Insert a key; return its number."""
        added = insert(CREDENTIALS).values(values).returning(_c.id)
        number: int = self.session.execute(added).scalar_one()
        return number

    def _commit_and_find(self, number: int, secret: str) -> tuple[ApiKey, str]:
        """Commit; return the key with this number, and its token."""
        self.session.commit()
        return self.find(number), token_of(number, secret)


def key_values(row: Any) -> dict[str, Any]:
    """Return the values of the key that a row of the table describes."""
    return {
        "id": row.id,
        "name": row.name,
        "roles": loads(row.roles),
        "claims": loads(row.claims),
        "created": time_text(row.created),
        "expires": time_text(row.expires),
        "used": None if row.used is None else time_text(row.used),
    }
