"""Resolves the functions of the owner. Reason to change: what they require of an entity."""

from collections.abc import Iterable

from crudgen.errors import Diagnostic
from crudgen.language.hooks import AFTER, EventFunction, Hook, HookFunction
from crudgen.language.operations import Operation
from crudgen.language.schema import Entity
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.problems import Problems, quoted, suggest

_DELETING = (Operation.DELETE, Operation.DELETE_MANY)


def resolve_hooks(
    written: WrittenSpec[EntitySpec], problems: Problems
) -> tuple[tuple[HookFunction, ...], tuple[EventFunction, ...]]:
    """Return the functions around operations, in the order of `Hook`, and those after commits."""
    names = [*map(str, written.spec.hooks)]
    places: dict[str, Diagnostic] = {}
    for index, name in enumerate(names):
        places.setdefault(name, written.locate("hooks", index).diagnostic(""))
        if name in names[:index]:
            problem = f"{quoted(name)} is listed twice"
            problems.add(written.locate("hooks", index), problem, "remove one of them")
    after = (
        EventFunction(name.removeprefix(AFTER), place)
        for name, place in places.items()
        if name.startswith(AFTER)
    )
    hooks = tuple(HookFunction(hook, places[hook]) for hook in Hook if hook in places)
    return hooks, tuple(after)


def check_hooks(
    entities: Iterable[tuple[WrittenSpec[EntitySpec], Entity]], problems: Problems
) -> None:
    """Check that the operations and actions of the functions exist."""
    for written, entity in entities:
        actions = {str(one.name) for one in entity.actions}
        for index, name in enumerate(map(str, written.spec.hooks)):
            location, kind = written.locate("hooks", index), name.removeprefix(AFTER)
            if kind in actions:
                continue
            if kind not in Hook.__members__.values():
                problem = f"the hook {quoted(name)} names neither an operation nor an action"
                problems.add(location, problem, suggest(kind, [*Hook, *actions]))
                continue
            hook = Hook(kind)
            if (missing := missing_operation(entity, hook)) is not None:
                operation, remedy = missing
                problem = f"the hook {quoted(name)} requires the operation {operation!r}"
                problems.add(location, problem, remedy)


def missing_operation(entity: Entity, hook: Hook) -> tuple[str, str] | None:
    """Return the operation that a hook requires and the remedy; None if the entity has it."""
    operations = {*entity.api.operations}
    match hook:
        case Hook.CREATE:
            found, needed = entity.can_create, Operation.CREATE
        case Hook.UPDATE:
            found, needed = Operation.UPDATE in operations, Operation.UPDATE
        case Hook.DELETE:
            found, needed = not operations.isdisjoint(_DELETING), Operation.DELETE
    if found:
        return None
    return str(needed), f"remove it, or add '{needed}' to 'operations'"
