"""The caller whom a question is about. Reason to change: what is read of a login or a row."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from crudgen.errors import ArgumentError

Module = Callable[[str], Any]
"""Returns a module of the generated application."""


@dataclass(frozen=True, slots=True)
class NamedCaller:
    """A caller as a question names it: by claims, roles, a login or a row."""

    claims: Mapping[str, Any] = field(default_factory=dict)
    """Claims in the question. They take precedence over stored ones."""
    roles: tuple[str, ...] = ()
    """Roles, beside those of the login."""
    login: str | None = None
    """The name of a user who logs in."""
    row: Any = None
    """The key of the row, if users are rows."""

    @property
    def is_stored(self) -> bool:
        """Whether the database has more about the caller."""
        return self.login is not None or self.row is not None


def stored_claims(named: NamedCaller, connection: Connection, module: Module) -> dict[str, Any]:
    """Return the claims and roles of a caller, with those in the database. Raises ArgumentError."""
    claims: dict[str, Any] = {}
    roles, key = [*named.roles], named.row
    rows = getattr(module("settings").Settings, "user_rows", None)
    if named.login is not None:
        logins = module("kit.access.user_table").LOGINS
        statement = select(logins).where(logins.c.name == named.login)
        found = connection.execute(statement).mappings().first()
        if found is None:
            raise ArgumentError(f"--as: there is no user {named.login!r}; see: crudgen user list")
        if found["disabled"] is not None:
            raise ArgumentError(f"--as: the user {named.login!r} is disabled, so they get 401")
        roles += json.loads(found["roles"])
        own = json.loads(found["claims"])
        claims |= module("kit.access.user_tokens").user_claims(found["id"], found["name"], own)
        if rows is not None:
            key = found["row_id"]
            if key is None:
                problem = f"the user {named.login!r} has no row, so they get 401"
                raise ArgumentError(f"--as: {problem}; see: crudgen user link --help")
    if rows is not None and key is not None:
        row = connection.execute(select(*rows.columns).where(rows.key == key)).first()
        if row is None:
            raise ArgumentError(f"--as: {rows.model.__name__} has no row {key}")
        claims |= rows.claims(row)
    caller = module("caller").Caller
    return _merged_claims(claims, named.claims) | {caller.__roles_claim__: roles}


def _merged_claims(stored: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored claims with those that a question says; `row.name` is a property of `row`."""
    row = stored.get("row")
    if row is None:
        return {**stored, **said}
    own = {name.removeprefix("row."): value for name, value in said.items() if "row." in name}
    others = {name: value for name, value in said.items() if "row." not in name}
    return {**stored, **others, "row": {**row, **own}}
