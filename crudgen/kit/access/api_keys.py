"""Adds, lists and revokes API keys, for commands. It checks no rules."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from json import loads
from typing import Any

from sqlalchemy import delete, insert, select
from sqlmodel import Session

from .caller import BaseCaller
from .credentials import CREDENTIALS, as_json, hashed, new_secret, token_of
from .own_tokens import KEYS, key_claims
from .subjects import AccountError, check_caller, check_name, claims_of, known_roles, time_text

MAX_DAYS = 3650
MAX_KEY_NAME = 100
_DAY = 86_400
_c = CREDENTIALS.c
_SELECT = select(_c.id, _c.name, _c.roles, _c.claims, _c.created, _c.expires, _c.used).where(
    _c.login_id.is_(None)
)


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
    """The last use, at most a minute too early."""


class ApiKeys:
    """The API keys in a database."""

    def __init__(self, session: Session, caller: type[BaseCaller]) -> None:
        self.session, self._caller = session, caller

    def add(
        self, name: str, days: int, roles: Sequence[str] = (), me: Sequence[str] = ()
    ) -> tuple[ApiKey, str]:
        """Add a key; return it, and the text to send. Raises AccountError."""
        check_name("name of a key", name, MAX_KEY_NAME)
        if not 1 <= days <= MAX_DAYS:
            raise AccountError(f"a key is valid for 1 to {MAX_DAYS} days, not {days}")
        known = known_roles(self._caller, roles)
        claims: dict[str, Any] = {**claims_of(self._caller, me)}
        now, secret = int(time.time()), new_secret()
        row = {
            "hash": hashed(secret),
            "name": name,
            "roles": as_json(known),
            "claims": as_json(claims),
            "created": now,
            "expires": now + days * _DAY,
        }
        added = insert(CREDENTIALS).values(row).returning(_c.id)
        number: int = self.session.execute(added).scalar_one()
        own = {"iss": KEYS, "name": name}
        check_caller(self._caller, {**key_claims(number, claims), **own}, known)
        self.session.commit()
        return self.find(number), token_of(number, secret)

    def all(self) -> list[ApiKey]:
        """Return all keys, from the oldest."""
        return [_key(row) for row in self.session.execute(_SELECT.order_by(_c.id))]

    def find(self, number: int) -> ApiKey:
        """Return a key. Raises AccountError if there is none with this number."""
        row = self.session.execute(_SELECT.where(_c.id == number)).first()
        if row is None:
            raise AccountError(f"there is no key {number}\n  see: key list")
        return _key(row)

    def revoke(self, number: int) -> ApiKey:
        """Delete a key, and return it."""
        found = self.find(number)
        self.session.execute(delete(CREDENTIALS).where(_c.id == found.id))
        self.session.commit()
        return found


def _key(row: Any) -> ApiKey:
    created, expires = time_text(row.created), time_text(row.expires)
    used = None if row.used is None else time_text(row.used)
    return ApiKey(row.id, row.name, loads(row.roles), loads(row.claims), created, expires, used)
