"""What the template of an entity's tests prints: sample rows, and what may be expected of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from crudgen.codegen.code import (
    Bracket,
    Code,
    annotated,
    literal,
    raw,
    statement,
    structure,
    text_statement,
    words,
)
from crudgen.language.schema import (
    CHANGING,
    CHANGING_MANY,
    CREATING,
    Entity,
    EtagUse,
    Field,
    Json,
    KeyKind,
    Operation,
    TypeName,
)

from .wire import wire

_MISSING_KEYS = {
    TypeName.INT: str(2**53),
    TypeName.STR: "missing-key",
    TypeName.UUID: "00000000-0000-7000-8000-000000000000",
}


@dataclass(frozen=True, slots=True)
class TestsView:
    """Sample rows of one entity, as a client sends and sees them."""

    many: Code
    path: Code
    key: Code
    missing: Code
    not_found: Code
    body: Code
    changes: Code
    too_many: Code
    hidden: Code
    touched: Code
    tests_changes: bool
    tests_replaces: bool
    tests_deletes: bool
    has_keys: bool
    keyed: bool
    must_match: bool
    locates: bool
    has_required: bool
    conflicts: bool
    creates: bool
    lists: bool
    reads: bool
    updates: bool
    replaces: bool
    deletes: bool
    creates_many: bool
    updates_many: bool
    deletes_many: bool
    is_idempotent: bool
    tests_changes_many: bool
    tests_deletes_many: bool
    has_bulk: bool
    has_changes: bool
    sends: bool
    bulk: Code
    names_rows: bool


def tests_view(entity: Entity) -> TestsView:
    """Decide what the tests of an entity are."""
    sent = [field for field in entity.fields if not field.read_only]
    changed = [field for field in sent if not field.immutable]
    body = {str(field.name): wire(field, field.samples[0]) for field in sent}
    changes = {str(field.name): wire(field, field.samples[1]) for field in changed}
    hidden = [field for field in entity.fields if field.write_only]
    offered = set(entity.api.operations)
    tests_changes = bool(changes) and {Operation.CREATE, Operation.UPDATE} <= offered
    tests_changes_many = bool(changes) and {Operation.CREATE, Operation.UPDATE_MANY} <= offered
    key = literal(str(entity.key.name))
    return TestsView(
        many=words(entity.plural),
        path=text_statement(raw("PATH = "), f"{entity.path}/"),
        key=key,
        missing=text_statement(
            raw("MISSING = "), f"{entity.path}/{_MISSING_KEYS[entity.key.type]}"
        ),
        not_found=literal(f"{entity.name} not found"),
        body=_assign(raw("BODY"), body),
        changes=_assign(raw("CHANGES"), changes),
        too_many=literal(entity.api.page.max + 1),
        hidden=_set(raw("HIDDEN"), hidden),
        touched=_set(raw("TOUCHED"), [field for field in entity.fields if field.touch]),
        tests_changes=tests_changes,
        tests_changes_many=tests_changes_many,
        tests_deletes_many={Operation.CREATE, Operation.DELETE_MANY} <= offered,
        names_rows=Operation.CREATE in offered and bool(CHANGING_MANY & offered),
        has_bulk=bool(offered & {Operation.CREATE_MANY, *CHANGING_MANY}),
        has_changes=tests_changes or tests_changes_many,
        sends=bool(offered & CREATING),
        tests_replaces={Operation.CREATE, Operation.REPLACE} <= offered,
        tests_deletes={Operation.CREATE, Operation.DELETE} <= offered,
        locates=Operation.CREATE in offered and bool(offered & CHANGING),
        has_keys=bool(offered & {Operation.READ, *CHANGING}),
        keyed=bool(offered & {Operation.READ, Operation.UPDATE, Operation.DELETE}),
        must_match=entity.api.etag is EtagUse.REQUIRED,
        has_required=any(field.required for field in sent),
        conflicts=entity.key_kind is KeyKind.CLIENT or _has_unique(entity),
        creates=Operation.CREATE in offered,
        lists=Operation.LIST in offered,
        reads=Operation.READ in offered,
        updates=Operation.UPDATE in offered,
        replaces=Operation.REPLACE in offered,
        deletes=Operation.DELETE in offered,
        creates_many=Operation.CREATE_MANY in offered,
        updates_many=Operation.UPDATE_MANY in offered,
        deletes_many=Operation.DELETE_MANY in offered,
        is_idempotent=Operation.CREATE in offered and entity.api.idempotency,
        bulk=text_statement(raw("BULK = "), f"{entity.path}/bulk"),
    )


def _has_unique(entity: Entity) -> bool:
    # Null is never equal to null: a row of nulls breaks no rule.
    together = any(index.unique for index in entity.indexes)
    return together or any(field.unique for field in entity.fields)


def _assign(constant: Code, row: dict[str, Json]) -> Code:
    head = annotated(constant, raw("dict[str, Any]")) + raw(" = ")
    return statement(head, structure(dict(row)))


def _set(constant: Code, fields: Iterable[Field]) -> Code:
    names = tuple(literal(str(field.name)) for field in fields)
    if not names:
        return annotated(constant, raw("set[str]")) + raw(" = set()")
    return statement(constant + raw(" = "), Bracket("{", names, "}"))
