"""Finds relations and fields by paths such as `team__name`. Reason to change: their grammar."""

from collections.abc import Iterable

from crudgen.language.names import FieldName
from crudgen.language.operations import Operation
from crudgen.language.relations import RelatedPath, Relation, RelationKind
from crudgen.language.schema import Entity, Field
from crudgen.language.types import TYPES, operators
from crudgen.language.yaml.problems import quoted, suggest

from .missing_relations import Entities, hidden_relation_remedy, missing_relation_remedy

MAX_INCLUDED_STEPS = 3
"""Maximum number of relations in a path of `include`."""
MAX_RELATED_STEPS = 2
"""Maximum number of relations in a path of `related`."""
SEPARATOR = "__"
_QUANTIFIERS = ("any", "none")
_OPERATORS = frozenset(operator for info in TYPES.values() for operator in info.operators)


class PathError(Exception):
    """A path of relations in a spec is invalid: the problem, and the remedy."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


def included_path(entity: Entity, text: str, entities: Entities) -> tuple[Relation, ...]:
    """Return the relations of a path such as `team__country`. Raises PathError."""
    found: list[Relation] = []
    for word in text.split(SEPARATOR):
        if found and _find_field(entity, word):
            problem = f"{quoted(word)} is a field of {entity.name}, and 'include' lists relations"
            before = joined_path(relation.name for relation in found)
            raise PathError(problem, f"write {quoted(before)}: included rows have all fields")
        found.append(find_relation(entity, word, entities))
        entity = entities[found[-1].target]
    _check_path_length(text, len(found), MAX_INCLUDED_STEPS)
    return tuple(found)


def find_relation(entity: Entity, word: str, entities: Entities) -> Relation:
    """Return the relation of an entity with a name. Raises PathError."""
    for relation in entity.relations:
        if relation.name == word:
            return relation
    field = _find_field(entity, word)
    problem = f"{entity.name} has no relation {quoted(word)}"
    if field is None:
        remedy = missing_relation_remedy(entity, word, entities)
    elif field.reference is None:
        problem = f"{quoted(word)} is a field of {entity.name}, not a relation"
        is_alone = not entity.relations
        remedy = missing_relation_remedy(entity, word, entities) if is_alone else "remove it"
    else:
        by_field = _relation_of_reference(entity, field)
        remedy = (
            f"remove it: {str(field.name)!r} is write_only, so it has no relation"
            if by_field is None
            else f"write {str(by_field.name)!r}, the relation of {str(field.name)!r}"
        )
    raise PathError(problem, remedy)


def _find_field(entity: Entity, word: str) -> Field | None:
    return next((one for one in (*entity.fields, *entity.computed) if one.name == word), None)


def _relation_of_reference(entity: Entity, field: Field) -> Relation | None:
    for relation in entity.relations:
        if relation.kind is RelationKind.MANY_TO_ONE and relation.by == field.name:
            return relation
    return None


def _check_path_length(text: str, steps: int, maximum: int) -> None:
    if steps > maximum:
        problem = f"the path {quoted(text)} has {steps} relations"
        raise PathError(problem, f"at most {maximum} are possible")


def related_path(entity: Entity, text: str, entities: Entities) -> RelatedPath:
    """Return a path such as `team__name` or `heroes__any__age`. Raises PathError.

    `any` follows a relation to many rows, unless that is the end of the path.
    """
    steps: list[FieldName] = []
    to_many: list[bool] = []
    before: list[str] = []
    after = text.split(SEPARATOR)
    while after:
        field = _find_field(entity, joined_path(after)) if steps else None
        if field is not None:
            _check_path_length(text, len(steps), MAX_RELATED_STEPS)
            _check_filterable(entity, field, text)
            return RelatedPath(tuple(steps), field.name, tuple(to_many))
        relation = _next_relation(entity, before, after, entities)
        steps.append(relation.name)
        to_many.append(relation.is_many)
        before.append(after.pop(0))
        entity = entities[relation.target]
        if after and relation.is_many:
            _check_quantifier(entity, relation, before, after)
            before.append(after.pop(0))
        elif after:
            _reject_quantifier(entity, relation, before, after)
    _check_path_length(text, len(steps), MAX_RELATED_STEPS)
    if relation.kind is RelationKind.MANY_TO_ONE:
        problem = f"{quoted(text)} names no field of {entity.name}"
        raise PathError(
            problem, f"write one, such as {quoted(joined_path([text, _example_field(entity)]))}"
        )
    return RelatedPath(tuple(steps), None, tuple(to_many))


def joined_path(words: Iterable[str]) -> str:
    """Return the path that consists of these words."""
    return SEPARATOR.join(words)


def _next_relation(
    entity: Entity, before: list[str], after: list[str], entities: Entities
) -> Relation:
    """Return the relation that the rest of a path starts with."""
    word = after[0]
    for relation in entity.relations:
        if relation.name == word:
            return relation
    field = _find_field(entity, word)
    if field is None:
        if not before:
            find_relation(entity, word, entities)
        names = [*entity.api.filter, *(relation.name for relation in entity.relations)]
        problem = f"{entity.name} has no field or relation {quoted(word)}"
        hidden = hidden_relation_remedy(entity, word, entities)
        raise PathError(problem, hidden or suggest(word, names))
    by_field = _relation_of_reference(entity, field)
    if by_field is not None and len(after) > 1 and after[1] not in _OPERATORS:
        problem = f"{quoted(word)} is a field of {entity.name}, not a relation"
        remedy = f"write {quoted(joined_path([*before, by_field.name, *after[1:]]))}"
    elif field.write_only:
        problem = f"{quoted(word)} of {entity.name} is write_only"
        remedy = "remove it: no request can filter by it"
    elif not before:
        problem = f"{quoted(word)} is a field of {entity.name} itself"
        remedy = "list it in 'filter', or remove it"
    elif after[1:] and after[1] in _OPERATORS:
        problem = f"the path {quoted(joined_path([*before, *after]))} ends with an operator"
        remedy = f"write {quoted(joined_path([*before, word]))}, which allows all operators"
    else:
        problem = f"{quoted(word)} is a field of {entity.name}, and the last step of a path"
        remedy = f"write {quoted(joined_path([*before, word]))}"
    raise PathError(problem, remedy)


def _check_quantifier(
    entity: Entity, relation: Relation, before: list[str], after: list[str]
) -> None:
    """Check that `any` and a path follow a relation to many rows."""
    word, rest = after[0], after[1:]
    if word == "any" and rest:
        return
    example = joined_path([*before, "any", *(rest or [_example_field(entity)])])
    if word == "none":
        problem = "a path is listed with 'any', not with 'none'"
        remedy = f"write {quoted(example)}, which allows 'none' as well"
    elif word == "any":
        problem = f"{quoted(joined_path([*before, word]))} names no field of {entity.name}"
        remedy = f"write {quoted(example)} or only {quoted(joined_path(before))}"
    else:
        if after == ["exists"]:
            _reject_exists_operator(entity, before)
        known = {one.name for one in (*entity.fields, *entity.computed)}
        known |= {relation.name for relation in entity.relations}
        example = joined_path(
            [*before, "any", *(after if word in known else [_example_field(entity)])]
        )
        problem = f"{str(relation.name)!r} is a relation to many rows"
        remedy = f"write 'any' after it, such as {quoted(example)}"
    raise PathError(problem, remedy)


def _reject_quantifier(
    entity: Entity, relation: Relation, before: list[str], after: list[str]
) -> None:
    """Check that `any` does not follow a relation to one row."""
    if _find_field(entity, after[0]) is not None:
        return
    if after[0] in _QUANTIFIERS:
        problem = f"{str(relation.name)!r} is a relation to one row"
        remedy = f"write {quoted(joined_path([*before, *(after[1:] or [_example_field(entity)])]))}"
        raise PathError(problem, remedy)
    if after == ["exists"]:
        if relation.kind is RelationKind.ONE_TO_ONE:
            _reject_exists_operator(entity, before)
        problem = (
            f"{quoted(joined_path([*before, *after]))} is not possible: a field has the reference"
        )
        remedy = f"remove it: '{relation.by}__isnull' filters by it"
        raise PathError(problem, remedy)


def _reject_exists_operator(entity: Entity, before: list[str]) -> None:
    if _find_field(entity, "exists") is None:
        path = joined_path([*before, "exists"])
        problem = f"the path {quoted(path)} ends with an operator"
        raise PathError(
            problem, f"write {quoted(joined_path(before))}, which allows {quoted(path)}"
        )


def _example_field(entity: Entity) -> str:
    """Return a field that a list of the entity can be filtered by; not the key, if possible."""
    names = [str(name) for name in entity.api.filter]
    others = [name for name in names if name != entity.key.name]
    return next(iter([*others, *names]), "name")


def _check_filterable(entity: Entity, field: Field, text: str) -> None:
    if field.name in entity.api.filter:
        return
    problem = f"{str(field.name)!r} is not in the list 'filter' of {entity.name}"
    remedy = f"add it in {entity.source}, or remove {quoted(text)}"
    if field.write_only:
        problem = f"{str(field.name)!r} of {entity.name} is write_only"
        remedy = f"remove {quoted(text)}: no request can filter by it"
    elif Operation.LIST not in entity.api.operations:
        problem = f"filters by fields of {entity.name} require its operation 'list'"
        remedy = f"add it in {entity.source}, or remove {quoted(text)}"
    elif not operators(field):
        problem = (
            f"{str(field.name)!r} of {entity.name} cannot be filtered: its type is {field.type}"
        )
        remedy = f"remove {quoted(text)}"
    raise PathError(problem, remedy)
