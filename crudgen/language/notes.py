"""Advice on a valid spec. Reason to change: another advice."""

from collections.abc import Mapping

from .names import ClassName, FieldName
from .relations import RelatedPath
from .schema import Entity, Schema
from .types import MAX_INDEXED_TEXT


def notes(schema: Schema) -> list[str]:
    """Return advice on a valid spec: which fields in paths of `related` need an index."""
    entities = {entity.name: entity for entity in schema.entities}
    found: list[str] = []
    for entity in schema.entities:
        for path in entity.api.related:
            target = _target_of_path(entity, path, entities)
            if path.field is None or target.field(path.field).computed:
                continue
            if not _is_indexed(target, path.field):
                remedy = f"add 'index' to '{path.field}' in {target.source}"
                if (target.field(path.field).max_length or 0) > MAX_INDEXED_TEXT:
                    remedy += f", with a maximum of {MAX_INDEXED_TEXT}"
                found.append(f"{entity.source}: '{path}' has no index: {remedy}")
    return found


def _target_of_path(
    entity: Entity, path: RelatedPath, entities: Mapping[ClassName, Entity]
) -> Entity:
    """Return the entity that a path leads to."""
    for step in path.steps:
        entity = entities[entity.relation(step).target]
    return entity


def _is_indexed(entity: Entity, name: FieldName) -> bool:
    """Return whether an index of the table begins with a field."""
    field = entity.field(name)
    single = field.pk or field.index or field.unique
    return single or any(index.fields[0] == name for index in entity.indexes)
