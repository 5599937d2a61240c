"""Checks that rules about rows cover all that the API offers. Reason to change: what they cover.

What they do not cover is an error, because it would show or change rows that no rule allows.
"""

from collections.abc import Iterable, Iterator, Mapping

from crudgen.language.access import Action
from crudgen.language.names import ClassName
from crudgen.language.relations import NestedWrite
from crudgen.language.schema import Entity
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.problems import Problems


def check_rows(
    entities: Iterable[tuple[WrittenSpec[EntitySpec], Entity]], problems: Problems
) -> None:
    """Check the entities that have rules about rows, and those that are related to them."""
    every = [*entities]
    by_name = {entity.name: entity for _, entity in every}
    for written, entity in every:
        if entity.access is None:
            continue
        whose = None if entity.access.about_rows else _hidden(entity, by_name)
        if not entity.access.about_rows and whose is None:
            continue
        rules = "rules with 'if'" if whose is None else f"the rules with 'if' of {whose}"
        for what, remedy in _uncovered(entity):
            problem = f"{rules} do not cover {what} of {entity.name}"
            problems.add(written.locate_key("access"), problem, remedy)


def _uncovered(entity: Entity) -> Iterator[tuple[str, str]]:
    """Yield what such rules do not cover, and what to do."""
    for name, kind in entity.api.write:
        if kind is NestedWrite.KEYS:
            yield f"{str(name)!r} in 'write'", "remove it from 'write'"


def _hidden(entity: Entity, entities: Mapping[ClassName, Entity]) -> ClassName | None:
    """Return a related entity of which some callers can read some rows; None if there is none."""
    for name in related_entities(entity, entities):
        access = entities[name].access
        if access is not None and access.rules(Action.READ):
            return name
    return None


def related_entities(entity: Entity, entities: Mapping[ClassName, Entity]) -> Iterator[ClassName]:
    """Yield the other entities that references and relations lead to, also over others."""
    seen, found = {entity.name}, [*_related(entity)]
    for name in found:
        if name not in seen and name in entities:
            seen.add(name)
            yield name
            found += _related(entities[name])


def _related(entity: Entity) -> Iterator[ClassName]:
    """Yield the entities that references and relations of an entity lead to."""
    for field in entity.fields:
        if field.reference is not None:
            yield field.reference.target
    for relation in entity.relations:
        yield relation.target
        if relation.link is not None:
            yield relation.link.name
