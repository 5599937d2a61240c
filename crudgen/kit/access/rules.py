"""Rules: who may do what with the rows of an entity."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Table

from ..errors import StartupError
from ..models import Model
from .caller import BaseCaller
from .errors import Forbidden, Unauthorized

_KEY = "access"
"""Where the rules of an entity are, in the `info` of its table."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Allows some callers something."""

    who: str
    """`anyone`, `user`, or a role."""


ANYONE = Rule("anyone")
"""Allows every caller, also without credentials."""
USER = Rule("user")
"""Allows every caller with valid credentials."""


def role(name: str) -> Rule:
    """Return the rule that allows callers with a role."""
    return Rule(name)


class Permission:
    """Whether a caller may do one thing with the rows of an entity: some of the rules allow it."""

    def __init__(
        self, words: str, rules: Sequence[Rule], needs: "Permission | None" = None
    ) -> None:
        """`words` say what it allows. `needs` is what a caller must be allowed as well."""
        self.words = words
        self.needs = needs
        self.is_open: bool = ANYONE in rules and (needs is None or needs.is_open)
        """Whether callers without credentials may do this."""
        self._is_for_users = ANYONE in rules or USER in rules
        self._roles = frozenset(one.who for one in rules) - {ANYONE.who, USER.who}

    def admits(self, caller: BaseCaller | None) -> bool:
        """Return whether a caller may do this; None is a caller without credentials."""
        if self.is_open:
            return True
        if caller is None or not (self.needs is None or self.needs.admits(caller)):
            return False
        return self._is_for_users or not self._roles.isdisjoint(caller.roles)

    @property
    def allowed(self) -> str:
        """Who may do this, in words."""
        if self._is_for_users:
            return "credentials"
        if not self._roles:
            return "nobody"
        roles = sorted(self._roles)
        return f"the role {' or '.join(roles)}"

    def check(self, caller: BaseCaller | None, loc: Sequence[str | int] = ()) -> None:
        """Raise Unauthorized (401) or Forbidden (403) if a caller may not do this."""
        if not self.admits(caller):
            check_any((self,), caller, loc)


def check_any(
    permissions: Sequence[Permission], caller: BaseCaller | None, loc: Sequence[str | int] = ()
) -> None:
    """Raise Unauthorized (401) or Forbidden (403) unless a caller has one of the permissions."""
    if any(one.admits(caller) for one in permissions):
        return
    if caller is None:
        raise Unauthorized(needed_for=loc[-1] if loc else "")
    first = permissions[0]
    needed = first
    if first.needs is not None and not first.needs.admits(caller):
        needed = first.needs
    if needed.allowed == "nobody":
        raise Forbidden(f"No caller may {needed.words}", loc)
    raise Forbidden(f"To {needed.words}, a caller needs {needed.allowed}", loc)


class Access:
    """Who may read, create, update and delete the rows of a table.

    Nobody may do what no rule allows. To change or delete rows, a caller must be allowed to read
    them too.
    """

    def __init__(
        self,
        model: type[Model],
        caller: type[BaseCaller],
        *,
        read: Sequence[Rule] = (),
        create: Sequence[Rule] = (),
        update: Sequence[Rule] = (),
        delete: Sequence[Rule] = (),
    ) -> None:
        table, name = _table(model), model.__name__
        self.caller = caller
        self.read = Permission(f"read rows of {name}", read)
        self.create = Permission(f"create rows of {name}", create)
        self.update = Permission(f"update rows of {name}", update, needs=self.read)
        self.delete = Permission(f"delete rows of {name}", delete, needs=self.read)
        table.info[_KEY] = self


def access_of(table: Table) -> Access:
    """Return the rules of a table. Raises StartupError if it has none: nobody may see its rows."""
    found = known_access_of(table)
    if found is None:
        raise StartupError(f"The table {table.name} has no rules: add an Access for its model")
    return found


def known_access_of(table: Table) -> Access | None:
    """Return the rules of a table, or None for a link table, which belongs to other tables."""
    found: Access | None = table.info.get(_KEY)
    return found


def _table(model: type[Model]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table
