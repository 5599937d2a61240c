"""View of an entity's tests: sample rows and results. Reason to change: the generated tests."""

from collections.abc import Iterable
from dataclasses import dataclass

from crudgen.codegen.code import Code, annotated, identifier, json_name, literal, raw, words
from crudgen.codegen.layout import Bracket, nested_literal, statement, text_statement
from crudgen.language.access import Auth
from crudgen.language.api import EtagUse
from crudgen.language.operations import CHANGING, CHANGING_MANY, CREATING, Operation
from crudgen.language.relations import NestedWrite
from crudgen.language.schema import Entity, Field, Json, TypeName

from .callers import admitted_callers, testable_operations
from .check_samples import Samples, request_samples
from .collections import creates_together
from .exports import decorator_of_file_test
from .sample_rows import body_of, rejects_second_row, required_references, sample_body

_MISSING_KEYS = {
    TypeName.INT: str(2**53),
    TypeName.STR: "missing-key",
    TypeName.UUID: "00000000-0000-7000-8000-000000000000",
}


@dataclass(frozen=True, slots=True)
class TestsView:
    """Sample rows of an entity in JSON, and which tests are generated."""

    plural: Code
    path: Code
    key: Code
    missing: Code
    not_found: Code
    body: Code
    changes: Code
    invalid: Code
    has_checks: bool
    """Whether a body is known that violates a check."""
    too_many: Code
    write_only: Code
    touched: Code
    tests_changes: bool
    tests_replaces: bool
    tests_deletes: bool
    has_keys: bool
    has_missing: bool
    etag_required: bool
    has_url: bool
    has_required: bool
    has_conflicts: bool
    creates: bool
    lists: bool
    files: Code | None
    """The decorator of the test of the formats of the list besides JSON, if there are any."""
    lists_related: bool
    """Whether rows of the list always have properties that a new row does not have."""
    reads: bool
    reads_related: bool
    """Whether a row that is read always has properties that a new row does not have."""
    updates: bool
    replaces: bool
    deletes: bool
    creates_many: bool
    updates_many: bool
    deletes_many: bool
    is_idempotent: bool
    created_status: Code
    tests_changes_many: bool
    tests_deletes_many: bool
    has_bulk: bool
    has_changes: bool
    has_body: bool
    bulk: Code
    has_key: bool
    has_targets: bool
    may: Code | None
    """The requests of the operations, each with the callers who may make it."""
    creates_together: bool
    created: Code
    """The properties with rows that are created with a row."""


def tests_view(entity: Entity, auth: Auth | None, *, creates: bool) -> TestsView:
    """Return the view of the tests of an entity; `creates` says whether they can create rows."""
    allowed = testable_operations(entity)
    # Tests ask for all operations as each caller.
    asked = operations = allowed if creates else allowed - CREATING
    if entity.access is not None:
        asked = {*entity.api.operations}
    sent = [field for field in entity.fields if not field.read_only]
    samples = request_samples(entity) or Samples({}, {}, {})
    changed = {field.name for field in sent if not field.immutable}
    changes = body_of(
        entity, {name: value for name, value in samples.changes.items() if name in changed}
    )
    touched = [field for field in entity.fields if field.touch]
    write_only = [field for field in entity.fields if field.write_only]
    tests_changes = bool(changes) and {Operation.CREATE, Operation.UPDATE} <= operations
    tests_changes_many = bool(changes) and {Operation.CREATE, Operation.UPDATE_MANY} <= operations
    key = json_name(entity.key.json_name)
    return TestsView(
        plural=words(entity.plural),
        path=text_statement(raw("PATH = "), f"{entity.path}/"),
        key=key,
        missing=text_statement(
            raw("MISSING = "), f"{entity.path}/{_MISSING_KEYS[entity.key.type]}"
        ),
        not_found=literal(f"{entity.name} not found"),
        body=_dict_constant(raw("BODY"), sample_body(entity)),
        changes=_dict_constant(raw("CHANGES"), changes),
        too_many=literal(entity.api.page.max + 1),
        write_only=_set_constant(raw("WRITE_ONLY"), write_only),
        touched=_set_constant(raw("TOUCHED"), [*touched, *entity.computed]),
        tests_changes=tests_changes,
        tests_changes_many=tests_changes_many,
        tests_deletes_many={Operation.CREATE, Operation.DELETE_MANY} <= operations,
        invalid=_dict_constant(raw("INVALID"), body_of(entity, samples.invalid)),
        has_checks=bool(samples.invalid) and Operation.CREATE in operations,
        has_key=Operation.CREATE in operations and bool(CHANGING_MANY & operations),
        has_bulk=bool(asked & {Operation.CREATE_MANY, *CHANGING_MANY}),
        has_changes=tests_changes or tests_changes_many,
        has_body=bool(operations & CREATING),
        tests_replaces={Operation.CREATE, Operation.REPLACE} <= operations,
        tests_deletes={Operation.CREATE, Operation.DELETE} <= operations,
        has_url=Operation.CREATE in operations and bool(operations & CHANGING),
        may=_may_constant(entity, auth),
        has_keys=bool(asked & {Operation.READ, *CHANGING}),
        has_missing=bool(operations & {Operation.READ, Operation.UPDATE, Operation.DELETE}),
        etag_required=entity.api.etag is EtagUse.REQUIRED,
        has_required=any(field.required for field in sent),
        has_conflicts=rejects_second_row(entity),
        creates=Operation.CREATE in operations,
        lists=Operation.LIST in operations,
        files=decorator_of_file_test(entity),
        lists_related=bool(entity.api.counts),
        reads_related=bool(entity.api.counts or entity.api.embed),
        reads=Operation.READ in operations,
        updates=Operation.UPDATE in operations,
        replaces=Operation.REPLACE in operations,
        deletes=Operation.DELETE in operations,
        creates_many=Operation.CREATE_MANY in operations,
        updates_many=Operation.UPDATE_MANY in operations,
        deletes_many=Operation.DELETE_MANY in operations,
        is_idempotent=Operation.CREATE in operations and entity.api.idempotency,
        created_status=literal(entity.api.created),
        bulk=text_statement(raw("BULK = "), f"{entity.path}/bulk"),
        creates_together=Operation.CREATE in operations and creates_together(entity),
        created=_created_constant(entity),
        has_targets=creates and bool(required_references(entity)),
    )


_METHODS = {
    Operation.CREATE: ("POST", "PATH"),
    Operation.LIST: ("GET", "PATH"),
    Operation.READ: ("GET", "MISSING"),
    Operation.UPDATE: ("PATCH", "MISSING"),
    Operation.REPLACE: ("PUT", "MISSING"),
    Operation.DELETE: ("DELETE", "MISSING"),
    Operation.CREATE_MANY: ("POST", "BULK"),
    Operation.UPDATE_MANY: ("PATCH", "BULK"),
    Operation.DELETE_MANY: ("DELETE", "BULK"),
}
"""The method and the constant with the path of each operation."""


def _may_constant(entity: Entity, auth: Auth | None) -> Code | None:
    """Return `MAY = [("POST", PATH, {"editor"}), …]`, if the API has callers."""
    if entity.access is None or auth is None:
        return None
    rows = []
    for operation in entity.api.operations:
        method, path = _METHODS[operation]
        callers = map(literal, admitted_callers(entity, operation, auth))
        listed = Bracket("[", tuple(callers), "]")
        rows.append(Bracket("(", (literal(method), identifier(path), listed), ")"))
    if not rows:
        return None
    head = annotated(raw("MAY"), raw("list[tuple[str, str, list[str]]]")) + raw(" = ")
    return statement(head, Bracket("[", tuple(rows), "]"))


def _dict_constant(constant: Code, row: dict[str, Json]) -> Code:
    head = annotated(constant, raw("dict[str, Any]")) + raw(" = ")
    return statement(head, nested_literal(row))


def _created_constant(entity: Entity) -> Code:
    created = [name for name, kind in entity.api.write if kind is NestedWrite.CREATE]
    names = tuple(json_name(entity.relation(name).json_name) for name in created)
    return statement(raw("CREATED = "), Bracket("{", names, "}"))


def _set_constant(constant: Code, fields: Iterable[Field]) -> Code:
    names = tuple(json_name(field.json_name) for field in fields)
    if not names:
        return annotated(constant, raw("set[str]")) + raw(" = set()")
    return statement(constant + raw(" = "), Bracket("{", names, "}"))
