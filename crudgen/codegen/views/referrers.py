"""Which writes a foreign key can reject. Reason to change: the operations that it affects."""

from collections import Counter
from collections.abc import Iterable

from crudgen.language.conditions.tree import fields_of
from crudgen.language.names import ClassName
from crudgen.language.relations import OnDelete
from crudgen.language.schema import Entity, Field


def has_references(entity: Entity) -> bool:
    """Return whether rows of an entity refer to other rows."""
    return any(field.reference is not None for field in entity.fields)


def sets_reference(entity: Entity) -> bool:
    """Return whether a new row can refer to a row that does not exist."""
    return any(_is_reference(field) and _is_set_on_create(field) for field in entity.fields)


def changes_reference(entity: Entity) -> bool:
    """Return whether an update can refer to a row that does not exist."""
    return any(
        _is_reference(field) and not field.read_only and not field.immutable
        for field in entity.fields
    )


def may_prevent_deletion(entity: Entity) -> bool:
    """Return whether a row of an entity can prevent the deletion of another row."""
    references = [field.reference for field in entity.fields if field.reference is not None]
    return any(one.on_delete is not OnDelete.SET_NULL for one in references)


def possibly_undeletable(entities: Iterable[Entity]) -> set[ClassName]:
    """Return the entities with rows that the database may refuse to delete.

    Rows of other tables refer to them, or to rows that are deleted with them. SQLite also refuses
    too long chains of cascades, which need a circle of tables.
    """
    cascading: dict[ClassName, list[ClassName]] = {}
    referrers: Counter[ClassName] = Counter()
    names = []
    for entity in entities:
        names.append(entity.name)
        for field in entity.fields:
            if field.reference is None or _becomes_null(entity, field):
                continue
            referrers[field.reference.target] += 1
            if field.reference.on_delete is OnDelete.CASCADE:
                cascading.setdefault(entity.name, []).append(field.reference.target)
    # What nothing refers to can be deleted, and what only such rows refer to, with a cascade.
    deletable = [name for name in names if not referrers[name]]
    for name in deletable:
        for target in cascading.get(name, ()):
            referrers[target] -= 1
            if not referrers[target]:
                deletable.append(target)
    return set(names) - set(deletable)


def _becomes_null(entity: Entity, field: Field) -> bool:
    """Return whether a reference becomes null if its target is deleted: no check rejects that."""
    reference = field.reference
    is_set = reference is not None and reference.on_delete is OnDelete.SET_NULL
    return is_set and not any(field.name in fields_of(one.condition) for one in entity.checks)


def _is_reference(field: Field) -> bool:
    return field.reference is not None


def _is_set_on_create(field: Field) -> bool:
    has_value = field.preset is not None or getattr(field.default, "value", None) is not None
    return not field.read_only or has_value
