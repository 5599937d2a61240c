"""What to write instead of a name that is no relation. Reason to change: a cause of such names."""

from collections.abc import Iterator, Mapping

from crudgen.language.names import ClassName, snake_case
from crudgen.language.relations import RelationKind
from crudgen.language.schema import Entity, Field
from crudgen.language.yaml.problems import suggest

Entities = Mapping[ClassName, Entity]


def missing_relation_remedy(entity: Entity, word: str, entities: Entities) -> str:
    """Return the remedy for a name that is no relation of an entity."""
    found = hidden_relation_remedy(entity, word, entities)
    if found:
        return found
    same = [r.name for r in entity.relations if word in _possible_names(entities[r.target])]
    if len(same) == 1:
        return f"write {str(same[0])!r}"
    if not entity.relations:
        return f"{entity.name} has no relations: add one, such as 'team_id: -> Team'"
    return suggest(word, (relation.name for relation in entity.relations))


def hidden_relation_remedy(entity: Entity, word: str, entities: Entities) -> str | None:
    """Return the remedy if a reference or a link exists, but not the relation with this name."""
    for field in entity.fields:
        if _is_write_only(field) and field.name.startswith(f"{word}_"):
            return f"remove it: {str(field.name)!r} is write_only, so it has no relation"
    hidden = [*_hidden_inverses(entity, entities)]
    for other, remedy in hidden:
        is_related = any(relation.target == other.name for relation in entity.relations)
        if word in _possible_names(other) and not is_related:
            return remedy
    return hidden[0][1] if hidden and not entity.relations else None


def _possible_names(entity: Entity) -> set[str]:
    """Return the names that relations to an entity could have."""
    return {entity.plural, entity.singular, snake_case(entity.name), entity.name.lower()}


def _is_write_only(field: Field) -> bool:
    return field.reference is not None and field.write_only


def _hidden_inverses(entity: Entity, entities: Entities) -> Iterator[tuple[Entity, str]]:
    """Yield the entities that refer to one that has no relation to them, each with a remedy."""
    for other in entities.values():
        for relation in other.relations:
            if relation.target != entity.name or relation.inverse is not None:
                continue
            by = relation.name if relation.by is None else relation.by
            is_one = relation.kind is RelationKind.MANY_TO_ONE and other.field(by).unique
            inverse = other.singular if is_one else other.plural
            fix = f"write 'inverse: {inverse}' for {str(by)!r} in {other.source}"
            yield other, f"remove it, or {fix}, which has 'inverse: false'"
        for field in other.fields:
            if field.reference and field.write_only and field.reference.target == entity.name:
                of = f"{str(field.name)!r} of {other.name}"
                yield other, f"remove it: {of} is write_only, so it has no relation"
