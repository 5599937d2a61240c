"""View of an entity's models. Reason to change: the code of generated models."""

from collections.abc import Container, Iterator
from dataclasses import dataclass

from crudgen.codegen.code import (
    Code,
    docstring,
    identifier,
    json_name,
    name,
    raw,
    words,
)
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import INDENT, Bracket, statement
from crudgen.language.names import FieldName
from crudgen.language.operations import Operation
from crudgen.language.reserved import CLASS_SUFFIXES
from crudgen.language.schema import Entity, Field, KitForm

from .aliases import Aliases
from .articles import a_row
from .collections import owners_of
from .field_lines import FieldLines
from .owned_creates import OwnedCreate, owned_create
from .references import Entities
from .relationships import RelationshipPrinter, related_classes
from .table_options import table_options


@dataclass(frozen=True, slots=True)
class ModelsView:
    """Class names of an entity's models, and the lines of each class body."""

    a_singular: Code
    capitalized: Code
    plural: Code
    imports: Code
    aliases: tuple[Code, ...]
    model: Code
    changes: Code
    base: Code
    table: Code
    create: Code
    update: Code
    public: Code
    doc: Code
    table_class: Code
    table_options: tuple[Code, ...]
    base_lines: tuple[Code, ...]
    table_lines: tuple[Code, ...]
    computed_lines: tuple[Code, ...]
    relationships: tuple[Code, ...]
    ignored_on_create: Code | None
    create_lines: tuple[Code, ...]
    divides_create: bool
    """Whether a blank line separates `__read_only__` from the fields."""
    ignored_on_update: Code | None
    update_lines: tuple[Code, ...]
    divides_update: bool
    optional_on_read: Code | None
    public_lines: tuple[Code, ...]
    creates: bool
    replaces: bool
    create_body: bool
    owned_creates: tuple[OwnedCreate, ...]
    updates: bool
    update_by_id_class: Code
    keyed_line: Code
    updates_many: bool


def models_view(
    entity: Entity, aliases: Aliases, entities: Entities, kit: KitForm = KitForm.VENDORED
) -> ModelsView:
    """Return the view of the models of an entity; `aliases` are the names of its type aliases."""
    owners = owners_of(entity, entities)
    imports = Imports(
        kit,
        defined=(
            *(entity.name + suffix for suffix in ("", *CLASS_SUFFIXES)),
            *aliases.values(),
            *related_classes(entity),
            *(one.create_model for one in owners),
        ),
        attributes=(
            *(field.attribute for field in (*entity.fields, *entity.computed)),
            *(relation.attribute for relation in entity.relations),
        ),
    )
    lines = FieldLines(entity, imports, aliases, entities)
    operations = {*entity.api.operations}
    creates = bool({Operation.CREATE, Operation.CREATE_MANY, Operation.REPLACE} & operations)
    updates = bool({Operation.UPDATE, Operation.UPDATE_MANY} & operations)
    references = {one.relation.by for one in owners}
    hidden = frozenset[FieldName]() if entity.access is None else entity.access.hidden_fields
    own = references | hidden
    shared = [field for field in entity.fields if _is_shared(field, own)]
    others = [field for field in entity.fields if not _is_shared(field, own)]
    shown = [field for field in (*others, *entity.computed) if not field.write_only]
    properties = (*entity.fields, *entity.computed)
    ignored_on_create = [field for field in properties if field.read_only]
    ignored_on_update = [field for field in properties if _is_ignored_on_update(field)]
    updated = [field for field in entity.fields if not _is_ignored_on_update(field)]
    create_fields = [field for field in others if not field.read_only]
    create_lines = tuple(lines.create_line(field) for field in create_fields if creates)
    update_lines = (
        *_pytest_exclusion(entity),
        *(lines.update_line(field) for field in updated if updates),
    )
    return ModelsView(
        a_singular=a_row(entity),
        capitalized=a_row(entity, capitalized=True),
        plural=words(entity.plural),
        aliases=lines.aliases(),
        model=imports.name("..kit.models", "Model"),
        changes=imports.name("..kit.models", "Changes") if updates else raw(""),
        base=name(entity.name, suffix="Base"),
        table=name(entity.name),
        create=name(entity.name, suffix="Create"),
        update=name(entity.name, suffix="Update"),
        public=name(entity.name, suffix="Public"),
        doc=docstring(entity.doc or f"A row of the table {entity.table}.", 4),
        table_class=lines.table_class(),
        table_options=table_options(entity, imports, lines.printer),
        base_lines=(*_pytest_exclusion(entity), *(lines.table_line(field) for field in shared)),
        table_lines=tuple(lines.table_line(field) for field in others),
        computed_lines=tuple(map(lines.computed_line, entity.computed)),
        relationships=tuple(RelationshipPrinter(entity, entities, imports).lines()),
        ignored_on_create=_read_only_assignment(ignored_on_create),
        create_lines=create_lines,
        divides_create=bool(ignored_on_create and create_lines),
        ignored_on_update=_read_only_assignment(ignored_on_update),
        update_lines=update_lines,
        divides_update=bool(ignored_on_update and update_lines),
        optional_on_read=_json_names_assignment(
            "__optional__", [field for field in entity.fields if field.name in hidden]
        ),
        public_lines=tuple(
            lines.hidden_line(field) if field.name in hidden else lines.public_line(field)
            for field in shown
        ),
        creates=creates,
        replaces=Operation.REPLACE in operations,
        create_body=any(field.read_only or field in others for field in properties),
        owned_creates=tuple(
            owned_create(one, (*others, *entity.computed), lines.create_line, _read_only_assignment)
            for one in owners
        ),
        updates=updates,
        update_by_id_class=lines.update_by_id_class(),
        keyed_line=lines.key_line(entity.key) if Operation.UPDATE_MANY in operations else raw(""),
        updates_many=Operation.UPDATE_MANY in operations,
        imports=imports.code(),
    )


def body_lines(
    entity: Entity, imports: Imports, aliases: Aliases, entities: Entities
) -> tuple[tuple[Code, ...], tuple[Code, ...]]:
    """Return the type aliases of a request body with all fields of an entity, and their lines."""
    lines = FieldLines(entity, imports, aliases, entities)
    return lines.aliases(), tuple(lines.create_line(field) for field in entity.fields)


def _pytest_exclusion(entity: Entity) -> Iterator[Code]:
    """Yield `__test__ = False` if pytest would take a model for a class of tests."""
    if entity.name.startswith("Test"):
        yield raw("__test__ = False  # pytest would collect it as a class of tests")


def _is_shared(field: Field, own: Container[FieldName | None]) -> bool:
    """Return whether create and response models share the field.

    They do not share fields that default to the caller, nor those in `own`: references to rows
    under which rows are created, and fields that some responses lack.
    """
    is_other = field.preset is not None or field.name in own
    return not (field.pk or field.read_only or field.write_only or is_other)


def _is_ignored_on_update(field: Field) -> bool:
    """Return whether update requests may contain the field, but do not change it."""
    return field.read_only or field.immutable


def _read_only_assignment(fields: list[Field]) -> Code | None:
    """Return `__read_only__ = ("id",)`: what requests may contain, but do not set."""
    return _json_names_assignment("__read_only__", fields)


def _json_names_assignment(attribute: str, fields: list[Field]) -> Code | None:
    """Return the assignment of the names of fields to an attribute, if there are any."""
    if not fields:
        return None
    items = tuple(json_name(field.json_name) for field in fields)
    head = identifier(attribute) + raw(" = ")
    return statement(head, Bracket("(", items, ")", is_tuple=True), INDENT)
