"""View of the functions that run after commits. Reason to change: how an application finds them."""

from collections.abc import Collection, Iterator

from crudgen.codegen.code import identifier, name, raw, string
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call
from crudgen.language.schema import Entity, Schema

from .hooks import has_functions
from .variables import folder_name, free_name


def has_events(schema: Schema) -> bool:
    """Return whether functions run after commits."""
    return any(entity.api.events for entity in schema.entities)


def kit_conditions_of_events(schema: Schema) -> dict[str, bool]:
    """Return the kit's files for functions, events and webhooks: whether a project needs each."""
    functions, hooked = has_events(schema), any(map(has_functions, schema.entities))
    return {
        "access/changed_rows.py": hooked,
        "events": functions or bool(schema.webhooks),
        **dict.fromkeys(
            ("events/outbox.py", "events/router.py", "events/table.py"),
            functions,
        ),
        "hooks": hooked,
        "webhooks": bool(schema.webhooks),
    }


def event_router(schema: Schema, taken: Collection[str], imports: Imports) -> Iterator[Bracket]:
    """Yield `EventRouter({Hero: {"create": heroes_hooks.on_create}})`, if there are functions."""
    if has_events(schema):
        names = {*taken, *(str(entity.name) for entity in schema.entities)}
        entities = [entity for entity in schema.entities if entity.api.events]
        items = tuple(_router_item(entity, names, imports) for entity in entities)
        router = imports.name(".kit.events.router", "EventRouter")
        yield call(router, [Bracket("{", items, "}")])


def _router_item(entity: Entity, taken: Collection[str], imports: Imports) -> Bracket:
    """Return `Hero: {"create": heroes_hooks.on_create}`."""
    folder = folder_name(entity.plural)
    module = free_name(f"{entity.plural}_hooks", taken)
    imports.use(f".{folder}", f"hooks as {module}")
    imports.use(f".{folder}.models", str(entity.name))
    functions = tuple(
        string(one.kind) + raw(": ") + module + raw(".") + identifier(one.name)
        for one in entity.api.events
    )
    return Bracket("{", functions, "}").surrounded_by(name(entity.name) + raw(": "))
