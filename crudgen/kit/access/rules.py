"""Rules: who may do what with the rows of an entity."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, and_

from ..errors import StartupError
from ..models import Model
from .caller import BaseCaller
from .clauses import Clause
from .errors import Forbidden, Unauthorized
from .presets import Presets

Roles = frozenset[str] | None
"""The roles of a caller; None for a caller without credentials."""
_KEY = "access"
"""Where the rules of an entity are, in the `info` of its table."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Allows some callers something: with all rows, or with those that satisfy a condition."""

    who: str
    """`anyone`, `user`, or a role."""
    text: str = ""
    """The condition as in the spec."""
    condition: ColumnElement[bool] | None = field(default=None, compare=False)
    """The condition of the rows; None for all rows."""
    says: str = ""
    """What a caller is told whose row does not satisfy the condition."""
    place: str = field(default="", compare=False)
    """Where the rule is, for the log."""

    def __str__(self) -> str:
        """Return the rule as in the spec."""
        return f"{self.who} if {self.text}" if self.text else self.who

    def when(self, text: str, condition: ColumnElement[bool], *, says: str = "") -> "Rule":
        """Return the rule for the rows that satisfy a condition; `text` says it in words.

        `says` is what a caller is told whose row does not satisfy it.
        """
        frame = sys._getframe(1)
        place = f" at {frame.f_code.co_filename}:{frame.f_lineno}"
        return Rule(self.who, text, condition, says, place)

    def admits(self, roles: Roles) -> bool:
        """Return whether the rule is about callers with these roles."""
        if self.who == ANYONE.who:
            return True
        return roles is not None and (self.who == USER.who or self.who in roles)


ANYONE = Rule("anyone")
"""Allows every caller, also without credentials."""
USER = Rule("user")
"""Allows every caller with valid credentials."""


def role(name: str) -> Rule:
    """Return the rule that allows callers with a role."""
    return Rule(name)


class Permission:
    """Whether a caller may do one thing with the rows of an entity: some of the rules allow it.

    Rules with a condition allow it with some rows only.
    """

    def __init__(
        self,
        words: str,
        rules: Sequence[tuple[Rule, Clause | None]],
        needs: "Permission | None" = None,
    ) -> None:
        """`words` name what is allowed. `needs` is a permission that a caller must have as well."""
        self.words = words
        self.needs = needs
        self.rules = rules
        """The rules, each with its condition; None for all rows."""
        who = frozenset(one.who for one, _ in rules)
        self.is_open: bool = ANYONE.who in who and (needs is None or needs.is_open)
        """Whether callers without credentials may do this."""
        self._is_for_users = ANYONE.who in who or USER.who in who
        self._roles = who - {ANYONE.who, USER.who}

    def clauses(self, roles: Roles) -> Sequence[Clause] | None:
        """Return the conditions, of which a row must satisfy one; None for all rows."""
        found = [clause for rule, clause in self.rules if rule.admits(roles)]
        conditions = [one for one in found if one is not None]
        return None if len(conditions) < len(found) else conditions

    def admits_to_all(self, caller: BaseCaller | None) -> bool:
        """Return whether a caller may do this with all rows."""
        return self.admits(caller) and self.clauses(roles_of(caller)) is None

    def admits(self, caller: BaseCaller | None) -> bool:
        """Return whether a caller may do this, perhaps with some rows only.

        None is a caller without credentials.
        """
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


def roles_of(caller: BaseCaller | None) -> Roles:
    """Return the roles of a caller that count; None without credentials."""
    return None if caller is None else caller.roles


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
        if needed.allowed != "nobody":
            able = f"To {first.words}, a caller must be able to {needed.words}"
            raise Forbidden(f"{able}, which needs {needed.allowed}", loc)
    if needed.allowed == "nobody":
        raise Forbidden(f"No caller may {needed.words}", loc)
    raise Forbidden(f"To {needed.words}, a caller needs {needed.allowed}", loc)


@dataclass(frozen=True, slots=True)
class FieldAccess:
    """Who of those who may read or write a row may see a property of it, and set it.

    Without rules, all of them may.
    """

    read: Sequence[Rule] | None = None
    write: Sequence[Rule] | None = None


@dataclass(frozen=True, slots=True)
class FieldPermissions:
    """What the rules about one property allow; None if there are no such rules."""

    column: Column[Any]
    read: Permission | None
    write: Permission | None


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
        tenant: Rule | None = None,
        presets: Mapping[str, str] | None = None,
        fields: Mapping[str, FieldAccess] | None = None,
        actions: Mapping[str, Sequence[Rule]] | None = None,
    ) -> None:
        """Read the rules. The condition of `tenant` is part of each one about rows.

        `presets` are the attributes of the caller that new rows have, by attribute. `fields` are
        the rules about properties, by attribute. `actions` are the rules of functions that do not
        need those of `update`, by name.
        """
        table, name = _table(model), model.__name__

        def clauses(rules: Sequence[Rule]) -> Sequence[tuple[Rule, Clause | None]]:
            return [(one, _clause(one, tenant, table)) for one in rules]

        self.caller, self.tenant = caller, tenant
        self.read = Permission(f"read rows of {name}", clauses(read))
        self.create = Permission(f"create rows of {name}", clauses(create))
        self.update = Permission(f"update rows of {name}", clauses(update), needs=self.read)
        self.delete = Permission(f"delete rows of {name}", clauses(delete), needs=self.read)
        self.actions = {
            one: Permission(f"{_words(one)} rows of {name}", clauses(rules), needs=self.read)
            for one, rules in (actions or {}).items()
        }
        """What the rules of functions allow, by name."""
        named = (self.read, self.create, self.update, self.delete)
        self.permissions = (*named, *self.actions.values())
        """What the rules allow, by operation."""
        self.presets = Presets(presets or {})
        """The values that new rows have from their caller."""
        self.is_about_rows = any(
            clause is not None for one in self.permissions for _, clause in one.rules
        )
        """Whether a rule about rows has a condition."""
        self.fields = {
            name: _field_permissions(model, name, one) for name, one in (fields or {}).items()
        }
        """What the rules about properties allow, by attribute."""
        table.info[_KEY] = self

    def permission(self, action: str) -> Permission:
        """Return what the rules of an operation, or of a function, allow."""
        found: Permission = self.actions.get(action) or getattr(self, action)
        return found


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


def _clause(rule: Rule, tenant: Rule | None, table: Table) -> Clause | None:
    conditions = (None if tenant is None else tenant.condition, rule.condition)
    parts = [one for one in conditions if one is not None]
    return Clause(and_(*parts), table) if parts else None


def _field_permissions(model: type[Model], name: str, rules: FieldAccess) -> FieldPermissions:
    column: Column[Any] = model.__mapper__.columns[name]  # type: ignore[attr-defined]

    def permission(verb: str, allowed: Sequence[Rule] | None) -> Permission | None:
        if allowed is None:
            return None
        clauses = [(one, _clause(one, None, _table(model))) for one in allowed]
        return Permission(f"{verb} {name} of {model.__name__}", clauses)

    return FieldPermissions(column, permission("see", rules.read), permission("set", rules.write))


def _table(model: type[Model]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def _words(name: str) -> str:
    return name.replace("_", " ")
