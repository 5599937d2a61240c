"""Checks that rules about rows cover all that the API offers. Reason to change: what they cover.

What they do not cover is an error, because it would show or change rows that no rule allows.
"""

from collections.abc import Iterable, Iterator

from crudgen.language.operations import Operation
from crudgen.language.schema import Entity, KeyKind
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.problems import Problems

_LATER = "rules with 'if' do not cover"


def check_rows(
    entities: Iterable[tuple[WrittenSpec[EntitySpec], Entity]], problems: Problems
) -> None:
    """Check the entities that have rules about rows."""
    every = [*entities]
    for written, entity in every:
        if entity.access is None or not entity.access.about_rows:
            continue
        for problem, remedy in _uncovered(entity, [one for _, one in every]):
            problems.add(written.locate_key("access"), f"{_LATER} {problem}", remedy)


def _uncovered(entity: Entity, entities: Iterable[Entity]) -> Iterator[tuple[str, str]]:
    """Yield what the rules of an entity do not cover, and what to do."""
    if entity.api.idempotency:
        yield "'idempotency'", "remove it from 'api'"
    if Operation.REPLACE in entity.api.operations and entity.key_kind is KeyKind.CLIENT:
        remedy = "remove 'replace' from 'operations', or let the application set the key"
        yield "a PUT that can create a row", remedy
    for one in entities:
        if name := _relation(one, entity):
            problem = f"relations: {one.name} has {name!r}"
            yield problem, "replace the reference by a field, or write the rules without 'if'"
            return


def _relation(one: Entity, entity: Entity) -> str:
    """Return the name of a reference or relation between two entities; empty if there is none."""
    for field in one.fields:
        target = None if field.reference is None else field.reference.target
        if target is not None and entity.name in (one.name, target):
            return str(field.name)
    for relation in one.relations:
        if entity.name in (one.name, relation.target):
            return str(relation.name)
    return ""
