"""The order in which the rows of entities are inserted. Reason to change: what a row requires."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crudgen.language.schema import Entity, Field


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
    waiting = {entity.name: entity for entity in entities}
    steps: list[Step] = []
    while waiting:
        ready = [one for one in waiting.values() if not _targets(one, waiting, required=True)]
        # Required references form no circles: the language rejects them.
        chosen = min(ready, key=lambda one: len(_targets(one, waiting, required=False)))
        later = _targets(chosen, waiting, required=False)
        steps.append(Step(chosen, tuple(later)))
        del waiting[chosen.name]
    return steps


def required_targets(entity: Entity) -> set[str]:
    """Return the names of the entities that rows of an entity cannot exist without."""
    return {
        field.reference.target
        for field in entity.fields
        if field.reference is not None and not field.optional
    }


def _targets(entity: Entity, among: Iterable[str], *, required: bool) -> Sequence[Field]:
    """Return the references to other entities of a set: the required or the optional ones."""
    names = set(among) - {entity.name}
    return [
        field
        for field in entity.fields
        if field.reference is not None
        and field.reference.target in names
        and field.optional is not required
    ]
