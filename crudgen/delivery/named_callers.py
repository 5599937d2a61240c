"""The caller whom a question is about. Reason to change: what is read of a login, key or row."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from crudgen.errors import ArgumentError, DatabaseError
from crudgen.evolution.connecting import Database
from crudgen.kit.database.faults import cause_of, is_undefined, reason_of

Module = Callable[[str], Any]
"""Returns a module of the generated application."""


@dataclass(frozen=True, slots=True)
class NamedCaller:
    """A caller as a question names it: by claims, roles, a login, an API key or a row."""

    claims: Mapping[str, Any] = field(default_factory=dict)
    """Claims in the question. They take precedence over stored ones."""
    roles: tuple[str, ...] = ()
    """Roles, beside those of the login or the API key."""
    login: str | None = None
    """The name of a user who logs in."""
    row: Any = None
    """The key of the row, if users are rows."""
    api_key: int | None = None
    """The number of an API key."""

    @property
    def is_stored(self) -> bool:
        """Whether the database has more about the caller."""
        return any(one is not None for one in (self.login, self.row, self.api_key))


def caller_of(named: NamedCaller, database: Database, module: Module) -> Any:
    """Return a caller as the application knows one. Raises ArgumentError, DatabaseError."""
    kind = module("caller").Caller
    claims = {**named.claims, kind.__roles_claim__: [*named.roles]}
    if named.is_stored:
        with read_connection(database) as connection:
            claims = stored_claims(named, connection, module)
    try:
        return kind.from_claims({"sub": "caller"} | claims)
    except module("kit.access.errors").Unauthorized as error:
        reason = str(error.detail).replace("The token", "the caller").replace("row.", "")
        raise ArgumentError(f"--as: {reason}") from None


@contextmanager
def read_connection(database: Database) -> Iterator[Connection]:
    """Connect to read. Raises DatabaseError, with a remedy if a table or column is missing."""
    with database.read_only_connection() as connection:
        try:
            yield connection
        except DBAPIError as error:
            if not is_undefined(cause_of(error)):
                raise
            remedy = "crudgen plan shows what has to change, and crudgen apply changes it"
            problem = f"database {database.where}: {reason_of(error)}"
            raise DatabaseError(f"{problem}\n  {remedy}") from None


def stored_claims(named: NamedCaller, connection: Connection, module: Module) -> dict[str, Any]:
    """Return the claims and roles of a caller, with those in the database. Raises ArgumentError."""
    claims: dict[str, Any] = {}
    roles, key = [*named.roles], named.row
    rows = getattr(module("settings").Settings, "user_rows", None)
    found: Mapping[str, Any] | None = None
    if named.login is not None:
        found = _login(named.login, connection, module)
        own = json.loads(found["claims"])
        claims |= module("kit.access.user_tokens").user_claims(found["id"], found["name"], own)
    if named.api_key is not None:
        found = _api_key(named.api_key, connection, module, rows)
        tokens = module("kit.access.own_tokens")
        claims |= tokens.key_claims(found["id"], json.loads(found["claims"]))
        claims |= {"iss": tokens.KEYS, "name": found["name"]}
    if found is not None:
        roles += json.loads(found["roles"])
        if rows is not None:
            key = found["row_id"]
            if key is None:
                raise ArgumentError(f"--as: {_missing_row_message(named)}")
    if rows is not None and key is not None:
        row = connection.execute(select(*rows.columns).where(rows.key == key)).first()
        if row is None:
            raise ArgumentError(f"--as: {rows.model.__name__} has no row {key}")
        claims |= rows.claims(row)
    caller = module("caller").Caller
    return _merged_claims(claims, named.claims) | {caller.__roles_claim__: roles}


def _login(name: str, connection: Connection, module: Module) -> Mapping[str, Any]:
    """Return the stored values of a user who can log in."""
    logins = module("kit.access.user_table").LOGINS
    found = connection.execute(select(logins).where(logins.c.name == name)).mappings().first()
    if found is None:
        raise ArgumentError(f"--as: there is no user {name!r}; see: crudgen user list")
    if found["disabled"] is not None:
        raise ArgumentError(f"--as: the user {name!r} is disabled, so they get 401")
    return dict(found)


def _api_key(number: int, connection: Connection, module: Module, rows: Any) -> Mapping[str, Any]:
    """Return the stored values of an API key that is valid."""
    stored = module("kit.access.credentials").CREDENTIALS
    asked = select(stored).where(stored.c.id == number, stored.c.login_id.is_(None))
    found = connection.execute(asked).mappings().first()
    if found is None:
        raise ArgumentError(f"--as: there is no key {number}; see: crudgen key list")
    if found["expires"] <= time.time():
        raise ArgumentError(f"--as: the key {number} has expired, so it gets 401")
    if rows is not None and found["row_id"] is not None:
        logins = module("kit.access.user_table").LOGINS
        asked = select(logins.c.name).where(
            logins.c.row_id == found["row_id"], logins.c.disabled.is_not(None)
        )
        name = connection.execute(asked).scalar()
        if name is not None:
            problem = f"the key {number} acts as the user {name!r}, who is disabled"
            raise ArgumentError(f"--as: {problem}, so it gets 401")
    return dict(found)


def _missing_row_message(named: NamedCaller) -> str:
    if named.login is None:
        return f"the key {named.api_key} has no row, so it gets 401; add another: crudgen key add"
    problem = f"the user {named.login!r} has no row, so they get 401"
    return f"{problem}; see: crudgen user link --help"


def _merged_claims(stored: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stored claims, replaced by those in a question.

    `row.name` in a question replaces the property `name` of the claim `row`.
    """
    row = stored.get("row")
    if row is None:
        return {**stored, **said}
    own = {name.removeprefix("row."): value for name, value in said.items() if "row." in name}
    others = {name: value for name, value in said.items() if "row." not in name}
    return {**stored, **others, "row": {**row, **own}}
