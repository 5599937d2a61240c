"""View of an entity's models. Reason to change: the code of generated models."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace

from crudgen.codegen.characters import width
from crudgen.codegen.code import (
    Code,
    docstring,
    identifier,
    json_name,
    literal,
    name,
    optional,
    raw,
    words,
)
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import INDENT, WIDTH, Bracket, call, declaration, keyword, statement
from crudgen.language.names import FieldName
from crudgen.language.operations import Operation
from crudgen.language.reserved import CLASS_SUFFIXES
from crudgen.language.schema import Constant, Entity, Field, KeyKind, KitForm

from .aliases import Aliases
from .articles import a_row
from .collections import owners_of
from .columns import FieldPrinter
from .owned_creates import OwnedCreate, owned_create
from .references import Entities
from .relationships import RelationshipPrinter, related_classes
from .table_options import table_options

UNSET = keyword("default", literal(None))


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
    """Return the view of the models of an entity, with these names of its type aliases."""
    owners = owners_of(entity, entities)
    imports = Imports(
        kit,
        defined=(
            *(f"{entity.name}{suffix}" for suffix in ("", *CLASS_SUFFIXES)),
            *aliases.values(),
            *related_classes(entity),
            *(one.create_model for one in owners),
        ),
        attributes=(
            *(field.attribute for field in entity.fields),
            *(relation.attribute for relation in entity.relations),
        ),
    )
    lines = _Lines(entity, imports, aliases, entities)
    operations = {*entity.api.operations}
    creates = bool({Operation.CREATE, Operation.CREATE_MANY, Operation.REPLACE} & operations)
    updates = bool({Operation.UPDATE, Operation.UPDATE_MANY} & operations)
    references = {one.relation.by for one in owners}
    hidden = frozenset[FieldName]() if entity.access is None else entity.access.hidden
    own = references | hidden
    shared = [field for field in entity.fields if _is_shared(field, own)]
    others = [field for field in entity.fields if not _is_shared(field, own)]
    ignored_on_create = [field for field in entity.fields if field.read_only]
    ignored_on_update = [field for field in entity.fields if _is_ignored_on_update(field)]
    updated = [field for field in entity.fields if not _is_ignored_on_update(field)]
    create_fields = [field for field in others if not field.read_only]
    create_lines = tuple(lines.create(field) for field in create_fields if creates)
    update_lines = (*_pytest_mark(entity), *(lines.update(field) for field in updated if updates))
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
        base_lines=(*_pytest_mark(entity), *(lines.table(field) for field in shared)),
        table_lines=tuple(lines.table(field) for field in others),
        relationships=tuple(RelationshipPrinter(entity, entities, imports).lines()),
        ignored_on_create=_read_only(ignored_on_create),
        create_lines=create_lines,
        divides_create=bool(ignored_on_create and create_lines),
        ignored_on_update=_read_only(ignored_on_update),
        update_lines=update_lines,
        divides_update=bool(ignored_on_update and update_lines),
        optional_on_read=_json_names(
            "__optional__", [field for field in entity.fields if field.name in hidden]
        ),
        public_lines=tuple(
            lines.hidden(field) if field.name in hidden else lines.public(field)
            for field in others
            if not field.write_only
        ),
        creates=creates,
        replaces=Operation.REPLACE in operations,
        create_body=any(field.read_only or field in others for field in entity.fields),
        owned_creates=tuple(owned_create(one, others, lines.create, _read_only) for one in owners),
        updates=updates,
        update_by_id_class=lines.update_by_id_class(),
        keyed_line=lines.keyed(entity.key) if Operation.UPDATE_MANY in operations else raw(""),
        updates_many=Operation.UPDATE_MANY in operations,
        imports=imports.code(),
    )


def body_lines(
    entity: Entity, imports: Imports, aliases: Aliases, entities: Entities
) -> tuple[tuple[Code, ...], tuple[Code, ...]]:
    """Return the type aliases of a request body with all fields of an entity, and their lines."""
    lines = _Lines(entity, imports, aliases, entities)
    return lines.aliases(), tuple(lines.create(field) for field in entity.fields)


def _pytest_mark(entity: Entity) -> Iterator[Code]:
    """Yield `__test__ = False` if pytest would take a model for a class of tests."""
    if entity.name.startswith("Test"):
        yield raw("__test__ = False  # pytest would collect it as a class of tests")


def _is_shared(field: Field, own: Container[FieldName | None]) -> bool:
    """Return whether create and response models share the field.

    They do not share what is the caller's, and the fields in `own`: references to rows under which
    rows are created, and what some responses lack.
    """
    is_other = field.preset is not None or field.name in own
    return not (field.pk or field.read_only or field.write_only or is_other)


def _is_ignored_on_update(field: Field) -> bool:
    """Return whether update requests may contain the field, but do not change it."""
    return field.read_only or field.immutable


def _read_only(fields: list[Field]) -> Code | None:
    """Return `__read_only__ = ("id",)`: what requests may contain, and what they do not set."""
    return _json_names("__read_only__", fields)


def _json_names(attribute: str, fields: list[Field]) -> Code | None:
    """Return the assignment of the names of fields to an attribute, if there are any."""
    if not fields:
        return None
    items = tuple(json_name(field.json_name) for field in fields)
    head = identifier(attribute) + raw(" = ")
    return statement(head, Bracket("(", items, ")", is_tuple=True), INDENT)


class _Lines:
    """Builds the declarations of fields in each of the models."""

    def __init__(
        self,
        entity: Entity,
        imports: Imports,
        aliases: Mapping[FieldName, Code],
        entities: Entities,
    ) -> None:
        self._entity = entity
        self._imports = imports
        self.printer = FieldPrinter(aliases, imports, entities)

    def aliases(self) -> tuple[Code, ...]:
        """Return the type aliases of fields."""
        return tuple(self.printer.aliases(self._entity))

    def table_class(self) -> Code:
        """Return `class Hero(HeroBase, table=True):`."""
        bases = [name(self._entity.name, suffix="Base"), raw("table=True")]
        head = raw("class ") + name(self._entity.name)
        return statement(head, call(raw(""), bases), tail=":")

    def update_by_id_class(self) -> Code:
        """Return `class HeroUpdateById(HeroUpdate):`."""
        head = raw("class ") + name(self._entity.name, suffix="UpdateById")
        bases = [name(self._entity.name, suffix="Update")]
        return statement(head, call(raw(""), bases), tail=":")

    def table(self, field: Field) -> Code:
        """Return the declaration of a field in the base or table model."""
        if field.pk and self._entity.key_kind is KeyKind.SERIAL:
            # The database generates the key: it is None before the insert.
            arguments = [UNSET, *self.printer.alias(field), *self.printer.column(field)]
            annotation = optional(self._imports.builtin("int", in_class=True))
            return declaration(field.attribute, annotation, self._field(arguments))
        arguments = [
            *self._default(field),
            *self.printer.alias(field),
            *self.printer.constraints(field),
            *self.printer.column(field),
        ]
        return self._declare(field, arguments)

    def create(self, field: Field) -> Code:
        """Return the declaration of a field in the create model."""
        default = self._default(field)
        if field.preset is not None:
            factory = self._imports.name("..kit.access.presets", "from_caller", in_class=True)
            default = [keyword("default_factory", factory)]
        return self._declare(field, [*default, *self._alias_and_constraints(field)])

    def update(self, field: Field) -> Code:
        """Return the declaration of a field in the update model; its default is never used."""
        return self._declare(field, [UNSET, *self._alias_and_constraints(field)])

    def _alias_and_constraints(self, field: Field) -> list[Bracket | Code]:
        return [*self.printer.alias(field), *self.printer.constraints(field)]

    def public(self, field: Field) -> Code:
        """Return the declaration of a field in the response model."""
        return self._declare(field, self._documented(field))

    def hidden(self, field: Field) -> Code:
        """Return the declaration in the response model of a field that some responses lack."""
        nullable = replace(field, optional=True)
        return self._declare(nullable, [UNSET, *self._documented(field)])

    def _documented(self, field: Field) -> list[Bracket | Code]:
        return [*self.printer.alias(field), *self.printer.description(field)]

    def keyed(self, field: Field) -> Code:
        """Return the declaration of the key in the model of bulk updates, where it is required."""
        annotation = self.printer.annotation(field)
        return declaration(field.attribute, annotation, self._field(self._documented(field)))

    def _default(self, field: Field) -> list[Bracket | Code]:
        if field.pk and self._entity.key_kind is KeyKind.UUID:
            return [keyword("default_factory", self._uuid7())]
        return list(self.printer.default(field))

    def _uuid7(self) -> Code:
        return self._imports.name("..kit.types.uuid7", "uuid7", in_class=True)

    def _declare(self, field: Field, arguments: list[Bracket | Code]) -> Code:
        annotation = self.printer.annotation(field)
        if not arguments:
            return declaration(field.attribute, annotation, None)
        if arguments == [UNSET] and field.optional:
            return declaration(field.attribute, annotation, literal(None))
        if isinstance(field.default, Constant) and arguments == self._default(field):
            value = self.printer.value(field.default.value)
            bare = declaration(field.attribute, annotation, value)
            is_plain = not isinstance(field.default.value, list | dict | bytes | str)
            if is_plain and INDENT + width(bare) <= WIDTH:
                return bare
        return declaration(field.attribute, annotation, self._field(arguments))

    def _field(self, arguments: list[Bracket | Code]) -> Bracket:
        return call(self._imports.name("sqlmodel", "Field", in_class=True), arguments)
