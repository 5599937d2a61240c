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
from .presets import CallerPresets

Roles = frozenset[str] | None
"""The roles of a caller; None for a caller without credentials."""
_KEY = "access"
"""Where the rules of an entity are, in the `info` of its table."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Allows an operation to some callers, on all rows or on those that satisfy a condition."""

    who: str
    """`anyone`, `user`, or a role."""
    text: str = ""
    """The condition as in the spec."""
    condition: ColumnElement[bool] | None = field(default=None, compare=False)
    """The condition of the rows; None for all rows."""
    says: str = ""
    """The message of the 403 if a row does not satisfy the condition."""
    place: str = field(default="", compare=False)
    """The file and line of the rule, for the log."""

    def __str__(self) -> str:
        """Return the rule as in the spec."""
        return f"{self.who} if {self.text}" if self.text else self.who

    def when(self, text: str, condition: ColumnElement[bool], *, says: str = "") -> "Rule":
        """Return the rule for the rows that satisfy a condition; `text` says it in words.

        `says` is the message of the 403 if a row does not satisfy it.
        """
        frame = sys._getframe(1)
        place = f" at {frame.f_code.co_filename}:{frame.f_lineno}"
        return Rule(self.who, text, condition, says, place)

    def admits(self, roles: Roles) -> bool:
        """Return whether the rule applies to callers with these roles."""
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
    """The rules of one operation on the rows of an entity. A caller needs one of them.

    Rules with a condition allow it for some rows only.
    """

    def __init__(
        self,
        words: str,
        rules: Sequence[tuple[Rule, Clause | None]],
        needs: "Permission | None" = None,
    ) -> None:
        """`words` name the operation. `needs` is a permission that a caller must have as well."""
        self.words = words
        self.needs = needs
        self.rules = rules
        """The rules, each with its condition; None for all rows."""
        who = frozenset(one.who for one, _ in rules)
        self.is_open: bool = ANYONE.who in who and (needs is None or needs.is_open)
        """Whether callers without credentials may request the operation."""
        self._is_for_users = ANYONE.who in who or USER.who in who
        self._roles = who - {ANYONE.who, USER.who}

    def clauses(self, roles: Roles) -> Sequence[Clause] | None:
        """Return the conditions, of which a row must satisfy one; None for all rows."""
        found = [clause for rule, clause in self.rules if rule.admits(roles)]
        conditions = [one for one in found if one is not None]
        return None if len(conditions) < len(found) else conditions

    def admits_to_all(self, caller: BaseCaller | None) -> bool:
        """Return whether a caller has the permission for all rows."""
        return self.admits(caller) and self.clauses(roles_of(caller)) is None

    def admits(self, caller: BaseCaller | None) -> bool:
        """Return whether a caller has the permission, perhaps for some rows only.

        None is a caller without credentials.
        """
        if self.is_open:
            return True
        if caller is None or not (self.needs is None or self.needs.admits(caller)):
            return False
        return self._is_for_users or not self._roles.isdisjoint(caller.roles)

    @property
    def needed_role(self) -> str:
        """What a caller needs, in words: `credentials`, `the role admin`, or `nobody`."""
        if self._is_for_users:
            return "credentials"
        if not self._roles:
            return "nobody"
        roles = sorted(self._roles)
        return f"the role {' or '.join(roles)}"

    def check(self, caller: BaseCaller | None, loc: Sequence[str | int] = ()) -> None:
        """Raise Unauthorized (401) or Forbidden (403) if a caller lacks the permission."""
        if not self.admits(caller):
            check_any((self,), caller, loc)


def roles_of(caller: BaseCaller | None) -> Roles:
    """Return the roles of a caller; None without credentials."""
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
        if needed.needed_role != "nobody":
            able = f"To {first.words}, a caller must be able to {needed.words}"
            raise Forbidden(f"{able}, which needs {needed.needed_role}", loc)
    if needed.needed_role == "nobody":
        raise Forbidden(f"No caller may {needed.words}", loc)
    raise Forbidden(f"To {needed.words}, a caller needs {needed.needed_role}", loc)


@dataclass(frozen=True, slots=True)
class FieldAccess:
    """The rules of a property: which readers of a row see it, and which writers may set it.

    None means all of them.
    """

    read: Sequence[Rule] | None = None
    write: Sequence[Rule] | None = None


@dataclass(frozen=True, slots=True)
class FieldPermissions:
    """The permissions to see and to set one property; None means no rules about it."""

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
        """Store the rules. The condition of `tenant` is part of each rule about rows.

        `presets` are the attributes of the caller that are values of new rows, by attribute of the
        row. `fields` are the rules about properties, by attribute. `actions` are the rules of
        actions that do not use those of `update`, by name.
        """
        table, name = _table_of_model(model), model.__name__

        def clauses(rules: Sequence[Rule]) -> Sequence[tuple[Rule, Clause | None]]:
            return [(one, _clause_of_rule(one, tenant, table)) for one in rules]

        self.caller, self.tenant = caller, tenant
        self.read = Permission(f"read rows of {name}", clauses(read))
        self.create = Permission(f"create rows of {name}", clauses(create))
        self.update = Permission(f"update rows of {name}", clauses(update), needs=self.read)
        self.delete = Permission(f"delete rows of {name}", clauses(delete), needs=self.read)
        self.actions = {
            one: Permission(f"{_with_spaces(one)} rows of {name}", clauses(rules), needs=self.read)
            for one, rules in (actions or {}).items()
        }
        """The permissions to call actions, by name."""
        named = (self.read, self.create, self.update, self.delete)
        self.permissions = (*named, *self.actions.values())
        """All permissions about rows."""
        self.presets = CallerPresets(presets or {})
        """The values of new rows that come from the caller."""
        self.is_about_rows = any(
            clause is not None for one in self.permissions for _, clause in one.rules
        )
        """Whether a rule about rows has a condition."""
        self.fields = {
            name: _field_permissions(model, name, one) for name, one in (fields or {}).items()
        }
        """The permissions to see and set properties, by attribute."""
        table.info[_KEY] = self

    def permission(self, action: str) -> Permission:
        """Return the permission for an operation or an action."""
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


def _clause_of_rule(rule: Rule, tenant: Rule | None, table: Table) -> Clause | None:
    conditions = (None if tenant is None else tenant.condition, rule.condition)
    parts = [one for one in conditions if one is not None]
    return Clause(and_(*parts), table) if parts else None


def _field_permissions(model: type[Model], name: str, rules: FieldAccess) -> FieldPermissions:
    column: Column[Any] = model.__mapper__.columns[name]  # type: ignore[attr-defined]

    def permission(verb: str, allowed: Sequence[Rule] | None) -> Permission | None:
        if allowed is None:
            return None
        clauses = [(one, _clause_of_rule(one, None, _table_of_model(model))) for one in allowed]
        return Permission(f"{verb} {name} of {model.__name__}", clauses)

    return FieldPermissions(column, permission("see", rules.read), permission("set", rules.write))


def _table_of_model(model: type[Model]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def _with_spaces(name: str) -> str:
    return name.replace("_", " ")
