"""View of the routes under a row of an entity. Reason to change: the code around the handlers."""

from collections.abc import Iterator
from dataclasses import dataclass

from crudgen.codegen.code import Code, literal, raw
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call, keyword, statement
from crudgen.language.reserved import DERIVED_SUFFIXES
from crudgen.language.schema import Entity, KitForm

from .articles import a_row
from .collections import Collection, collections_of
from .nested_handlers import NestedHandlers, RouteSource
from .references import Entities
from .relationships import related_classes


@dataclass(frozen=True, slots=True)
class NestedView:
    """The routes under a row of an entity, and the resources that they use."""

    a_singular: Code
    imports: Code
    router: Code
    resources: tuple[Code, ...]
    aliases: tuple[Code, ...]
    routes: tuple[RouteSource, ...]


def nested_view(entity: Entity, entities: Entities, kit: KitForm) -> NestedView | None:
    """Return the view of the routes under a row of an entity; None if there are none."""
    collections = collections_of(entity, entities)
    if not collections:
        return None
    keys = {f"{one.name}Id" for one in (entity, *(each.target for each in collections))}
    functions = {function for one in collections for function in one.function_names}
    resources = {one.resource for one in collections}
    imports = Imports(
        kit, defined={"router", *functions, *resources, *keys, *_importable_names(entity)}
    )
    handlers = NestedHandlers(entity, entities, imports)
    resource_lines = tuple(map(handlers.resource, collections))
    routes = tuple(route for one in collections for route in _collection_routes(one, handlers))
    return NestedView(
        a_singular=a_row(entity),
        router=_router_statement(entity, imports),
        resources=resource_lines,
        aliases=tuple(handlers.aliases.values()),
        routes=routes,
        imports=imports.code(),
    )


def _importable_names(entity: Entity) -> Iterator[str]:
    """Yield the names that the module may import from the modules of entities."""
    for name in {entity.name, *related_classes(entity)}:
        yield from (f"{name}{suffix}" for suffix in ("", *DERIVED_SUFFIXES))


def _router_statement(entity: Entity, imports: Imports) -> Code:
    """Return `router = Router(prefix="/heroes", tags=["heroes"])`."""
    tags = Bracket("[", (literal(str(entity.plural)),), "]")
    arguments = [keyword("prefix", literal(str(entity.path))), keyword("tags", tags)]
    router = imports.name("..kit.http.routing", "Router")
    return statement(raw("router = "), call(router, arguments))


def _collection_routes(one: Collection, handlers: NestedHandlers) -> Iterator[RouteSource]:
    if one.can_list:
        yield handlers.list(one)
    if one.can_create:
        yield handlers.create(one)
    if one.can_change_links:
        yield handlers.replace(one)
        yield handlers.add(one)
        yield handlers.remove(one)
