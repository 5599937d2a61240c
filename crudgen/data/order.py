"""The order in which rows are inserted. Reason to change: what a row requires."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from crudgen.language.schema import Entity, Field

Targets = Mapping[str, AbstractSet[str]]
"""The names of what each one refers to."""


@dataclass(frozen=True, slots=True)
class Step:
    """An entity whose rows are inserted, after all rows that they require."""

    entity: Entity
    later: tuple[Field, ...]
    """Optional references to entities whose rows are inserted later: they are set at the end."""


def insertion_order(entities: Iterable[Entity]) -> list[Step]:
    """Return all entities: the targets of required references first, others where possible.

    References of an entity to itself are not among those that are set at the end.
    """
    by_name = {str(entity.name): entity for entity in entities}
    required = {name: required_targets(entity) for name, entity in by_name.items()}
    optional = {
        name: {field.reference.target for field in _optional_references(entity) if field.reference}
        for name, entity in by_name.items()
    }
    left = {*by_name}
    steps = []
    for name in targets_first(by_name, optional, required):
        left.discard(name)
        later = [
            field
            for field in _optional_references(by_name[name])
            if field.reference is not None and field.reference.target in left
        ]
        steps.append(Step(by_name[name], tuple(later)))
    return steps


def targets_first(
    names: Iterable[str], targets: Targets, required: Targets | None = None
) -> list[str]:
    """Return names so that each follows those it refers to, as far as cycles allow.

    It always follows those that it requires: they form no cycles. The order of the names decides
    among those that can be next.
    """
    left = dict.fromkeys(names)
    required = required or dict.fromkeys(left, frozenset())
    ordered: list[str] = []
    while left:
        ready = [name for name in left if not (required[name] - {name}) & left.keys()]
        # In a cycle, the one that waits for the fewest.
        first = min(ready, key=lambda name: len((targets[name] - {name}) & left.keys()))
        ordered.append(first)
        del left[first]
    return ordered


def required_targets(entity: Entity) -> set[str]:
    """Return the names of the entities that rows of an entity cannot exist without."""
    return {
        field.reference.target
        for field in entity.fields
        if field.reference is not None and not field.optional
    }


def _optional_references(entity: Entity) -> list[Field]:
    return [field for field in entity.fields if field.reference is not None and field.optional]
