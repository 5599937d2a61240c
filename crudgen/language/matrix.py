"""Who may do what, as a table. Reason to change: what the table shows."""

from collections.abc import Iterator, Sequence

from .access import ANYONE, USER, Access, Action, covers
from .schema import Entity, Schema

YES, NO = "yes", "-"


def callers_of(schema: Schema) -> tuple[str, ...]:
    """Return the kinds of callers: `anyone`, `user`, and the roles."""
    roles = () if schema.auth is None else schema.auth.roles
    return (ANYONE, USER, *map(str, roles))


def may(access: Access, action: Action, caller: str) -> bool:
    """Return whether a kind of callers may do something. Who changes rows must read them too."""
    reads = covers(access.read, caller)
    is_change = action in (Action.UPDATE, Action.DELETE)
    return covers(access.who(action), caller) and (reads or not is_change)


def allowed(entity: Entity, callers: Sequence[str]) -> dict[str, list[str]]:
    """Return the callers who may do something with the rows of an entity, by action."""
    access = entity.access
    if access is None:
        return {}
    return {str(action): [one for one in callers if may(access, action, one)] for action in Action}


def tables(schema: Schema) -> str:
    """Return a table for each entity: its actions, and the callers who may do them."""
    callers = callers_of(schema)
    found = ["\n".join([str(one.name), *_table(one, callers)]) for one in schema.entities]
    return "\n\n".join(found) + "\n"


def _table(entity: Entity, callers: Sequence[str]) -> Iterator[str]:
    rows = [("", *callers)]
    for action, who in allowed(entity, callers).items():
        rows.append((action, *(YES if one in who else NO for one in callers)))
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()
