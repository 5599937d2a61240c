"""Checks that operations have different ids in OpenAPI. Reason to change: another operation."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crudgen.language.nested import operations_under
from crudgen.language.operations import Operation
from crudgen.language.reserved import OPERATIONS_OF_USERS
from crudgen.language.schema import Entity
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.problems import Problems, quoted

from .missing_relations import Entities

_CRUD = {
    Operation.CREATE: "create_{one}",
    Operation.LIST: "read_{many}",
    Operation.READ: "read_{one}",
    Operation.UPDATE: "update_{one}",
    Operation.REPLACE: "replace_{one}",
    Operation.DELETE: "delete_{one}",
    Operation.CREATE_MANY: "create_{many}",
    Operation.UPDATE_MANY: "update_{many}",
    Operation.DELETE_MANY: "delete_{many}",
}


@dataclass(frozen=True, slots=True)
class OperationId:
    """The id of an operation, and what in the spec the operation belongs to."""

    id: str
    what: str
    """`the action 'promote' of Hero`"""
    entity: Entity
    relation: str | None = None
    action: str | None = None


def operation_ids(entities: Iterable[Entity], by_name: Entities) -> Iterator[OperationId]:
    """Yield the ids of all operations: on rows, under rows by relations, and actions.

    Handlers are named after these ids.
    """
    every = [*entities]
    for entity in every:
        for operation in entity.api.operations:
            found = _CRUD[operation].format(one=entity.singular, many=entity.plural)
            yield OperationId(found, f"the operation '{operation}' of {entity.name}", entity)
    for entity in every:
        for relation in entity.relations:
            for found in operations_under(entity, relation, by_name[relation.target]):
                what = f"the relation '{relation.name}' of {entity.name}"
                yield OperationId(found, what, entity, relation=relation.name)
    for entity in every:
        for action in entity.actions:
            what = f"the action '{action.name}' of {entity.name}"
            found = f"{action.name}_{entity.singular}"
            yield OperationId(found, what, entity, action=action.name)


def check_operation_ids(
    entities: Iterable[tuple[WrittenSpec[EntitySpec], Entity]],
    problems: Problems,
    *,
    has_users: bool,
) -> None:
    """Add a problem for each operation whose id another operation has."""
    every = [*entities]
    written = {entity.name: spec for spec, entity in every}
    by_name = {entity.name: entity for _, entity in every}
    seen: dict[str, tuple[str, Location | None]] = {}
    if has_users:
        seen |= dict.fromkeys(OPERATIONS_OF_USERS, ("an operation of users", None))
    reported: set[tuple[str, str]] = set()
    for one in operation_ids(by_name.values(), by_name):
        location = _location_of(written[one.entity.name], one)
        what, place = seen.setdefault(one.id, (one.what, location))
        if location == place or (one.what, what) in reported:
            continue
        reported.add((one.what, what))
        other = what if place is None else f"{what} ({place.file}:{place.line})"
        problem = f"{one.what} and {other} have the same operation id, {quoted(one.id)}"
        problems.add(location, problem, f"rename the {'action' if one.action else 'relation'}")


def _location_of(written: WrittenSpec[EntitySpec], one: OperationId) -> Location:
    """Return where a spec names what has an operation."""
    if one.action is not None:
        return written.locate_key("actions", one.action)
    if one.relation is None:
        return written.locate("name")
    nested: list[str] = written.spec.api.nested or []
    if one.relation in nested:
        return written.locate("api", "nested", nested.index(one.relation))
    if one.relation in written.spec.links:
        return written.locate_key("links", one.relation)
    return written.locate("name")
