"""Source of the guards of routes under a row. Reason to change: who may use such a route."""

from collections.abc import Iterator

from crudgen.codegen.code import Code, annotated, identifier, literal, raw
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call, keyword, subscript
from crudgen.language.access import Action
from crudgen.language.relations import Link
from crudgen.language.schema import Entity

from .access import caller_class, is_open_to_anyone
from .collections import Collection
from .hooks import creates_by_function
from .references import Entities
from .variables import Variables, folder_name


def module_of(entity: Entity, module: str, importing: Entity) -> str:
    """Return the path of a module of an entity, for an import in the folder of another one."""
    if entity.name == importing.name:
        return f".{module}"
    return f"..{folder_name(entity.plural)}.{module}"


class NestedGuards:
    """Builds the access checks of routes under a row of an entity, and collects their imports."""

    def __init__(self, entity: Entity, entities: Entities, imports: Imports) -> None:
        self._entity = entity
        self._entities = entities
        self._imports = imports

    def guarded_collection(self, one: Collection, rows: Bracket, guarded: Code) -> Bracket:
        """Return `GuardedCollection(NestedResource(…), teams.access, heroes)`."""
        arguments: list[Bracket | Code] = [rows, self._access_of(self._entity), guarded]
        module, kind, link = "..kit.access.collections", "GuardedCollection", one.relation.link
        if self.calls_function(one):
            module, kind = "..kit.hooks.guarded_nested", "GuardedHookedCollection"
        if one.can_change_links and link is not None:
            module, kind = "..kit.access.links", "GuardedLinks"
            if one.is_inverse:
                arguments.append(keyword("inverse", literal(value=True)))
        if link is not None and link.via:
            arguments.append(keyword("via", self._access_of(self._entities[link.name])))
        return call(self._imports.name(module, kind), arguments)

    def calls_function(self, one: Collection) -> bool:
        """Return whether rows are created under a row by a function, or write events."""
        return one.can_create and creates_by_function(one.target, self._entities)

    def caller_parameter(self, one: Collection, kind: str) -> Iterator[Bracket | Code]:
        """Yield the parameter `me: Annotated[Caller, team_heroes.lister]`, if there are callers."""
        if self._entity.access is None:
            return
        caller = caller_class(self._imports, {*map(str, self._entities)})
        if self._is_open_route(one, kind):
            caller += raw(" | None")
        items = (caller, one.resource + raw(".") + identifier(kind))
        yield subscript(annotated(raw("me"), self._imports.name("typing", "Annotated")), items)

    def _is_open_route(self, one: Collection, kind: str) -> bool:
        """Return whether callers without credentials may use a route."""
        own = Action.CREATE if kind == "creator" else Action.READ
        needed = [(self._entity, Action.READ), (one.target, own)]
        if kind == "linker" and one.relation.link is not None:
            needed.append((self._declaring_entity(one.relation.link), Action.UPDATE))
        if kind == "lister" and one.relation.link is not None and one.relation.link.via:
            needed.append((self._entities[one.relation.link.name], Action.READ))
        return all(
            entity.access is not None and is_open_to_anyone(entity.access, [action])
            for entity, action in needed
        )

    def _declaring_entity(self, link: Link) -> Entity:
        """Return the entity that links belong to: the one that declares them."""
        return self._entities[link.ends[0].entity]

    def _access_of(self, entity: Entity) -> Code:
        """Return the rules of an entity: `heroes.access`."""
        module = module_of(entity, "routes", self._entity)
        return self._imports.own(module, Variables(entity).resource) + raw(".access")
