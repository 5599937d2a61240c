"""What the template of an entity's models prints: every decision is made here."""

from collections.abc import Iterator
from dataclasses import dataclass

from crudgen.codegen.code import (
    INDENT,
    WIDTH,
    Bracket,
    Code,
    call,
    declaration,
    docstring,
    keyword,
    literal,
    name,
    pair,
    raw,
    statement,
    structure,
    width,
    words,
)
from crudgen.codegen.imports import Imports
from crudgen.language.schema import Constant, Entity, Field, KeyKind, KitForm, Operation

from .columns import FieldPrinter

UNSET = keyword("default", literal(None))


@dataclass(frozen=True, slots=True)
class ModelsView:
    """The models of one entity: class names, and the lines of each class body."""

    singular: Code
    plural: Code
    imports: Code
    aliases: tuple[Code, ...]
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
    ignored_on_create: tuple[Code, ...]
    create_lines: tuple[Code, ...]
    ignored_on_update: tuple[Code, ...]
    update_lines: tuple[Code, ...]
    public_lines: tuple[Code, ...]
    creates: bool
    create_body: bool
    updates: bool
    update_by_id_class: Code
    keyed_line: Code
    updates_many: bool


def models_view(entity: Entity, kit: KitForm = KitForm.VENDORED) -> ModelsView:
    """Decide what the models of an entity are."""
    imports = Imports(kit)
    lines = _Lines(entity, imports)
    operations = {*entity.api.operations}
    creates = bool({Operation.CREATE, Operation.CREATE_MANY, Operation.REPLACE} & operations)
    updates = bool({Operation.UPDATE, Operation.UPDATE_MANY} & operations)
    shared = [field for field in entity.fields if _is_shared(field)]
    others = [field for field in entity.fields if not _is_shared(field)]
    ignored_on_create = [field for field in entity.fields if field.read_only]
    ignored_on_update = [field for field in entity.fields if _stays(field)]
    imports.use("..kit.models", "Model")
    if updates:
        imports.use("..kit.models", "Changes")
    if (creates and ignored_on_create) or (updates and ignored_on_update):
        imports.use("..kit.models", "ReadOnly")
    return ModelsView(
        singular=words(entity.singular),
        plural=words(entity.plural),
        aliases=lines.aliases(),
        base=name(entity.name, suffix="Base"),
        table=name(entity.name),
        create=name(entity.name, suffix="Create"),
        update=name(entity.name, suffix="Update"),
        public=name(entity.name, suffix="Public"),
        doc=docstring(entity.doc or f"A row of the table {entity.table}.", 4),
        table_class=lines.table_class(),
        table_options=lines.table_options(),
        base_lines=tuple(lines.table(field) for field in shared),
        table_lines=tuple(lines.table(field) for field in others),
        ignored_on_create=tuple(name(field.name) for field in ignored_on_create),
        create_lines=tuple(
            lines.create(field) for field in others if creates and not field.read_only
        ),
        ignored_on_update=tuple(name(field.name) for field in ignored_on_update),
        update_lines=tuple(
            lines.update(field) for field in entity.fields if updates and not _stays(field)
        ),
        public_lines=tuple(lines.public(field) for field in others if not field.write_only),
        creates=creates,
        create_body=any(field.read_only or not _is_shared(field) for field in entity.fields),
        updates=updates,
        update_by_id_class=lines.update_by_id_class(),
        keyed_line=lines.public(entity.key),
        updates_many=Operation.UPDATE_MANY in operations,
        imports=imports.code(),
    )


def _is_shared(field: Field) -> bool:
    """Tell whether a client both sends the field on create and sees it."""
    return not (field.pk or field.read_only or field.write_only)


def _stays(field: Field) -> bool:
    """Tell whether an update leaves the field as it is."""
    return field.read_only or field.immutable


class _Lines:
    """Prints each field as the line that one of the models has for it."""

    def __init__(self, entity: Entity, imports: Imports) -> None:
        self._entity = entity
        self._imports = imports
        self._printer = FieldPrinter(entity, imports)

    def aliases(self) -> tuple[Code, ...]:
        """Print the types that have a name of their own."""
        return tuple(self._printer.aliases(self._entity))

    def table_class(self) -> Code:
        """`class Hero(HeroBase, table=True):`."""
        bases = [name(self._entity.name, suffix="Base"), raw("table=True")]
        head = raw("class ") + name(self._entity.name)
        return statement(head, call(raw(""), bases), tail=":")

    def update_by_id_class(self) -> Code:
        """`class HeroUpdateById(HeroUpdate):`."""
        head = raw("class ") + name(self._entity.name, suffix="UpdateById")
        bases = [name(self._entity.name, suffix="Update")]
        return statement(head, call(raw(""), bases), tail=":")

    def table(self, field: Field) -> Code:
        """Print a field with its constraints and its column."""
        if field.pk and self._entity.key_kind is KeyKind.SERIAL:
            # The database counts: until it has, there is no id.
            arguments = [UNSET, *self._printer.column(field)]
            return declaration(field.name, raw("int | None"), self._field(arguments))
        arguments = [
            *self._default(field),
            *self._printer.constraints(field),
            *self._printer.column(field),
        ]
        return self._declare(field, arguments)

    def create(self, field: Field) -> Code:
        """Print a field that only the client knows."""
        return self._declare(field, [*self._default(field), *self._printer.constraints(field)])

    def update(self, field: Field) -> Code:
        """Print a field that may be absent; the default is never used."""
        return self._declare(field, [UNSET, *self._printer.constraints(field)])

    def public(self, field: Field) -> Code:
        """Print a field that a client only sees."""
        return self._declare(field, list(self._printer.description(field)))

    def table_options(self) -> tuple[Code, ...]:
        """Print the table's name and its rules: CHECKs, indexes over several columns, counting."""
        table_name = statement(raw("__tablename__ = "), literal(str(self._entity.table)))
        rules = tuple(self._rules())
        if not rules:
            return (table_name,)
        arguments = Bracket("(", rules, ")", is_tuple=True)
        return table_name, statement(raw("__table_args__ = "), arguments, INDENT)

    def _rules(self) -> Iterator[Bracket]:
        for field in self._entity.fields:
            yield from self._printer.checks(field)
        for index in self._entity.indexes:
            columns = [literal(str(column)) for column in index.fields]
            if index.unique:
                yield call(self._imports.name("sqlalchemy", "UniqueConstraint"), columns)
            else:
                yield call(self._imports.name("sqlalchemy", "Index"), [literal(None), *columns])
        if self._entity.key_kind is KeyKind.SERIAL:
            yield Bracket("{", (pair("sqlite_autoincrement", literal(True)),), "}")

    def _default(self, field: Field) -> list[Bracket | Code]:
        if field.pk and self._entity.key_kind is KeyKind.UUID:
            return [keyword("default_factory", self._imports.name("..kit.uuid7", "uuid7"))]
        return list(self._printer.default(field))

    def _declare(self, field: Field, arguments: list[Bracket | Code]) -> Code:
        annotation = self._printer.annotation(field)
        if not arguments:
            return declaration(field.name, annotation, None)
        if arguments == [UNSET] and field.optional:
            return declaration(field.name, annotation, literal(None))
        if isinstance(field.default, Constant) and arguments == self._default(field):
            bare = declaration(field.name, annotation, structure(field.default.value))
            is_plain = not isinstance(field.default.value, list | dict | bytes | str)
            if is_plain and INDENT + width(bare) <= WIDTH:
                return bare
        return declaration(field.name, annotation, self._field(arguments))

    def _field(self, arguments: list[Bracket | Code]) -> Bracket:
        return call(self._imports.name("sqlmodel", "Field"), arguments)
