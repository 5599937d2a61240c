"""Rows that tests create, and those that they refer to. Reason to change: what tests send."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from crudgen.codegen.code import Code, annotated, json_name, literal, raw
from crudgen.codegen.layout import Bracket, nested_literal, pair, statement
from crudgen.language.names import ClassName, FieldName
from crudgen.language.operations import Operation
from crudgen.language.schema import Constant, Entity, Field, Json, KeyKind, Value

from .callers import testable_operations
from .check_samples import request_samples
from .collections import Collection, collections_of
from .references import Entities
from .wire import to_json_value


@dataclass(frozen=True, slots=True)
class SampleRowsView:
    """The rows that tests of other entities refer to, and all required references."""

    rows: Code
    references: Code


def sample_body(entity: Entity) -> dict[str, Json]:
    """Return a request body that creates a row, without its required references."""
    sent = [field for field in entity.fields if not field.read_only]
    samples = request_samples(entity)
    first = {} if samples is None else samples.first
    values = body_of(entity, first)
    return values | {
        str(field.json_name): None for field in sent if _is_optional_with_default_target(field)
    }


def body_of(entity: Entity, row: Mapping[FieldName, Value]) -> dict[str, Json]:
    """Return values as the properties of a request body."""
    fields = [field for field in entity.fields if field.name in row]
    return {str(one.json_name): to_json_value(one, row[one.name]) for one in fields}


def _is_optional_with_default_target(field: Field) -> bool:
    """Return whether an optional field refers to a row by default."""
    is_set = field.default not in (None, Constant(None))
    return field.reference is not None and field.optional and is_set


def required_references(entity: Entity) -> tuple[Field, ...]:
    """Return the references that requests to create a row contain in tests."""
    return tuple(
        field
        for field in entity.fields
        if field.reference is not None and not (field.optional or field.read_only)
    )


def creatable_entities(entities: Entities) -> set[ClassName]:
    """Return the entities whose rows a test can create, with all rows that these require."""
    names = {name for name, entity in entities.items() if _has_creatable_sample(entity)}
    while True:
        refused = {name for name in names if not _required_targets(entities[name]) <= names}
        if not refused:
            return names
        names -= refused


def _has_creatable_sample(entity: Entity) -> bool:
    fixed = any(
        field.reference is not None and field.read_only and field.default != Constant(None)
        for field in entity.fields
    )
    creates = Operation.CREATE in testable_operations(entity) and not fixed
    return creates and request_samples(entity) is not None


def _required_targets(entity: Entity) -> set[ClassName]:
    references = (field.reference for field in required_references(entity))
    return {reference.target for reference in references if reference is not None}


def nested_collections(entities: Entities) -> tuple[Collection, ...]:
    """Return the collections under a row that a test can use: it can create all rows."""
    names = creatable_entities(entities)
    return tuple(
        one
        for entity in entities.values()
        for one in collections_of(entity, entities)
        if {entity.name, one.target.name} <= names
        and (is_filled_by_tests(one) or may_change_links(one, entities))
    )


def may_change_links(one: Collection, entities: Entities) -> bool:
    """Return whether tests may change the links of a collection: those of the declaring entity."""
    if not one.can_change_links or one.relation.link is None:
        return False
    access = entities[one.relation.link.ends[0].entity].access
    return access is None or bool(access.update)


def is_filled_by_tests(one: Collection) -> bool:
    """Return whether tests create rows in a collection.

    If the owner is a row of the same table, both get the same values, so none may be unique.
    """
    is_own = one.owner.name == one.target.name
    return one.can_create and not (is_own and rejects_second_row(one.target))


def rejects_second_row(entity: Entity) -> bool:
    """Return whether a second row from the same request body violates a unique constraint."""
    unset = {field.name for field in entity.fields if field.reference and field.optional}
    unique = any(field.unique and field.name not in unset for field in entity.fields)
    together = any(index.unique and unset.isdisjoint(index.fields) for index in entity.indexes)
    return unique or together or entity.key_kind is KeyKind.CLIENT


def _entities_of_nested_collections(entities: Entities) -> set[ClassName]:
    found = nested_collections(entities)
    return {one.owner.name for one in found} | {one.target.name for one in found}


def sample_rows_view(entities: Entities) -> SampleRowsView | None:
    """Return the view of the rows that tests refer to; None if they refer to none."""
    names = creatable_entities(entities)
    referring = [one for name, one in entities.items() if name in names and _required_targets(one)]
    needed = set[ClassName]().union(
        _entities_of_nested_collections(entities), *map(_required_targets, referring)
    )
    if not needed:
        return None
    rows = tuple(
        pair(f"{entities[name].path}/", nested_literal(sample_body(entities[name])))
        for name in sorted(needed)
    )
    references = tuple(
        pair(f"{entity.path}/", Bracket("{", tuple(_reference_items(entity, entities)), "}"))
        for entity in referring
    )
    return SampleRowsView(
        rows=_dict_constant(raw("ROWS"), raw("dict[str, dict[str, Any]]"), rows),
        references=_dict_constant(
            raw("REFERENCES"), raw("dict[str, dict[str, tuple[str, str]]]"), references
        ),
    )


def _reference_items(entity: Entity, entities: Entities) -> Iterator[Bracket | Code]:
    for field in required_references(entity):
        if field.reference is not None:
            target = entities[field.reference.target]
            place = (literal(f"{target.path}/"), json_name(target.key.json_name))
            yield pair(str(field.json_name), Bracket("(", place, ")"))


def _dict_constant(constant: Code, kind: Code, items: Iterable[Bracket | Code]) -> Code:
    return statement(annotated(constant, kind) + raw(" = "), Bracket("{", tuple(items), "}"))
