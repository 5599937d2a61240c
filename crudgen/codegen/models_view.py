"""What the template of an entity's models prints: every decision is made here."""

from dataclasses import dataclass

from crudgen.language.schema import Constant, Entity, Field, KeyKind, Operation

from .code import (
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
    words,
)
from .columns import FieldPrinter
from .imports import Imports

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
    table_name: Code
    table_arguments: Code
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


def models_view(entity: Entity) -> ModelsView:
    """Decide what the models of an entity are."""
    imports = Imports()
    lines = _Lines(entity, imports)
    creates = Operation.CREATE in entity.operations
    updates = Operation.UPDATE in entity.operations
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
        aliases=tuple(lines.alias(field) for field in entity.fields if field.words),
        base=name(entity.name, suffix="Base"),
        table=name(entity.name),
        create=name(entity.name, suffix="Create"),
        update=name(entity.name, suffix="Update"),
        public=name(entity.name, suffix="Public"),
        doc=docstring(entity.doc or f"A row of the table {entity.table}.", 4),
        table_name=literal(str(entity.table)),
        table_arguments=lines.table_arguments(),
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

    def alias(self, field: Field) -> Code:
        """`HeroMood = Literal["calm", "angry"]`."""
        self._imports.use("typing", "Literal")
        words = Bracket("Literal[", tuple(literal(word) for word in field.words), "]")
        return statement(self._printer.alias(field) + raw(" = "), words)

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

    def table_arguments(self) -> Code:
        """Print the rules of the table: CHECKs, indexes over several columns, how ids count."""
        items: list[Bracket | Code] = [
            check for field in self._entity.fields for check in self._printer.checks(field)
        ]
        for index in self._entity.indexes:
            columns = [literal(str(column)) for column in index.fields]
            kind = "UniqueConstraint" if index.unique else "Index"
            self._imports.use("sqlalchemy", kind)
            unnamed = [] if index.unique else [literal(None)]
            items.append(call(raw(kind), [*unnamed, *columns]))
        if self._entity.key_kind is KeyKind.SERIAL:
            items.append(Bracket("{", (pair("sqlite_autoincrement", literal(True)),), "}"))
        return statement(raw("__table_args__ = "), Bracket("(", tuple(items), ")"), 4)

    def _default(self, field: Field) -> list[Bracket | Code]:
        if field.pk and self._entity.key_kind is KeyKind.UUID:
            self._imports.use("..kit.uuid7", "uuid7")
            return [keyword("default_factory", raw("uuid7"))]
        return list(self._printer.default(field))

    def _declare(self, field: Field, arguments: list[Bracket | Code]) -> Code:
        annotation = self._printer.annotation(field)
        if not arguments:
            return declaration(field.name, annotation, None)
        if arguments == [UNSET] and field.optional:
            return declaration(field.name, annotation, literal(None))
        if isinstance(field.default, Constant) and arguments == self._default(field):
            return declaration(field.name, annotation, structure(field.default.value))
        return declaration(field.name, annotation, self._field(arguments))

    def _field(self, arguments: list[Bracket | Code]) -> Bracket:
        self._imports.use("sqlmodel", "Field")
        return call(raw("Field"), arguments)
