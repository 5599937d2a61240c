"""Who may do what, as a table. Reason to change: what the table shows."""

from collections.abc import Iterator, Sequence

from .access import (
    ANYONE,
    USER,
    Access,
    Action,
    Allowed,
    Right,
    RuleAboutRows,
    allows_callers,
    conditions_for,
)
from .conditions.text import condition_text
from .conditions.tree import Condition
from .schema import Entity, Schema

YES, NO = "yes", "-"
_READABLE = "of the rows that the caller may read"


def callers_of(schema: Schema) -> tuple[str, ...]:
    """Return the kinds of callers: `anyone`, `user`, and the roles."""
    roles = () if schema.auth is None else schema.auth.roles
    return (ANYONE, USER, *map(str, roles))


def may_act(access: Access, action: Right, caller: str) -> bool:
    """Return whether a kind of callers may do something, perhaps with some rows only.

    Who changes rows must read them too.
    """
    access = access.without_tenant
    reads = allows_callers(access.allowed_callers(Action.READ), caller)
    is_change = action not in (Action.READ, Action.CREATE)
    return allows_callers(access.allowed_callers(action), caller) and (reads or not is_change)


def condition_text_for(access: Access, action: Right, caller: str) -> str:
    """Return the condition of the rows with which a caller may do something; empty for all rows.

    The condition of the tenant is left out.
    """
    access = access.without_tenant
    conditions = conditions_for(access, action, caller)
    reading = None
    if action not in (Action.READ, Action.CREATE):
        reading = conditions_for(access, Action.READ, caller)
    if conditions is None:
        return "" if reading is None else _joined_with_or(reading)
    is_implied = reading is None or {*conditions} <= {*reading}
    return (
        _joined_with_or(conditions) if is_implied else f"{_joined_with_or(conditions)}, {_READABLE}"
    )


def rules_of(access: Access, action: Right) -> list[str]:
    """Return the rules for an action, as in a spec."""
    access = access.without_tenant
    return [*access.callers_for_all_rows(action), *map(rule_text, access.rules(action))]


def rule_text(rule: RuleAboutRows) -> str:
    """Return a rule about rows as in a spec."""
    return f"{rule.who} if {condition_text(rule.condition, {})}"


def allowed_callers(entity: Entity, callers: Sequence[str]) -> dict[str, list[str]]:
    """Return the callers who may do something with the rows of an entity, by action.

    A caller who may do it with some rows is followed by `if` and the condition.
    """
    found: dict[str, list[str]] = {}
    for name, action in _rights_by_name(entity) if entity.access else ():
        found[name] = []
        for caller in callers:
            if entity.access and may_act(entity.access, action, caller):
                condition = condition_text_for(entity.access, action, caller)
                found[name].append(f"{caller} if {condition}" if condition else caller)
    if entity.access:
        for name, cells in _field_conditions(entity.access, callers):
            found[name] = [
                f"{caller} if {cell}" if cell else caller
                for caller, cell in zip(callers, cells, strict=True)
                if cell is not None
            ]
    return found


def _rights_by_name(entity: Entity) -> list[tuple[str, Right]]:
    """Return the actions on the rows of an entity, each with the right that it needs."""
    found: list[tuple[str, Right]] = [(str(one), one) for one in Action]
    return found + [(str(one.name), one.right) for one in entity.actions]


def access_tables(schema: Schema) -> str:
    """Return a table for each entity: its actions, and the callers who may do them."""
    callers = callers_of(schema)
    found = ["\n".join([_table_title(one), *_table_lines(one, callers)]) for one in schema.entities]
    return "\n\n".join(found) + "\n"


def _table_title(entity: Entity) -> str:
    tenant = entity.access and entity.access.tenant
    within = f"   within: {condition_text(tenant.condition, {})}" if tenant else ""
    return f"{entity.name}{within}"


def _table_lines(entity: Entity, callers: Sequence[str]) -> Iterator[str]:
    rows = [("", *callers)]
    notes: dict[str, int] = {}
    for name, action in _rights_by_name(entity) if entity.access else ():
        cells = (_action_cell(entity, action, caller, notes) for caller in callers)
        rows.append((name, *cells))
    for name, found in _field_conditions(entity.access, callers) if entity.access else ():
        rows.append((f"  {name}", *(_cell_text(one, notes) for one in found)))
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(padded)}".rstrip()
    yield from (f"  ({number}) {note}" for note, number in notes.items())


def _action_cell(entity: Entity, action: Right, caller: str, notes: dict[str, int]) -> str:
    access = entity.access
    if access is None or not may_act(access, action, caller):
        return NO
    return _cell_text(condition_text_for(access, action, caller), notes)


def _cell_text(condition: str | None, notes: dict[str, int]) -> str:
    """Return a cell of the table; the condition is empty for all rows, None for no row."""
    if condition is None:
        return NO
    return f"if ({notes.setdefault(condition, len(notes) + 1)})" if condition else YES


def _field_conditions(
    access: Access, callers: Sequence[str]
) -> Iterator[tuple[str, Sequence[str | None]]]:
    """Yield `see salary` and `set salary`, each with the conditions of the callers.

    They are about the rows that the callers may read or write: empty for all of these, None for
    none.
    """
    for one in access.fields:
        for verb, allowed in (("see", one.read), ("set", one.write)):
            if allowed is not None:
                found = [_field_condition(access, allowed, verb, caller) for caller in callers]
                yield f"{verb} {one.name}", found


def _field_condition(access: Access, allowed: Allowed, verb: str, caller: str) -> str | None:
    """Return the condition of one caller; empty for all rows, None for no row."""
    actions = (Action.READ,) if verb == "see" else (Action.CREATE, Action.UPDATE)
    conditions = allowed.conditions(caller)
    if conditions == () or not any(may_act(access, action, caller) for action in actions):
        return None
    return "" if conditions is None else _joined_with_or(conditions)


def _joined_with_or(conditions: Sequence[Condition]) -> str:
    texts = dict.fromkeys(condition_text(one, {}) for one in conditions)
    return " or ".join(texts)
