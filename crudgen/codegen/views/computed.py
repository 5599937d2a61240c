"""View of computed properties. Reason to change: how a function becomes a property."""

from collections.abc import Collection, Iterable, Iterator

from crudgen.codegen.code import (
    Code,
    annotated,
    attribute_name,
    docstring,
    identifier,
    literal,
    name,
    optional,
    raw,
    words,
)
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import INDENT, WIDTH, Bracket, call, statement, typed_declaration
from crudgen.language.schema import Entity, Field, TypeName

from .articles import a_row
from .columns import FieldPrinter
from .references import Entities
from .variables import folder_name, free_name

_BUILT_IN = {TypeName.INT: "int", TypeName.FLOAT: "float", TypeName.BOOL: "bool"}
_IMPORTED = {
    TypeName.DECIMAL: ("decimal", "Decimal"),
    TypeName.DATE: ("datetime", "date"),
    TypeName.TIME: ("datetime", "time"),
    TypeName.DATETIME: ("datetime", "datetime"),
    TypeName.UUID: ("uuid", "UUID"),
}
"""The Python types of SQL expressions. Those of other types are `str`."""
_SQL_TYPES = {
    TypeName.INT: ("sqlalchemy", "BigInteger"),
    TypeName.FLOAT: ("sqlalchemy", "Float"),
    TypeName.BOOL: ("sqlalchemy", "Boolean"),
    TypeName.DATE: ("sqlalchemy", "Date"),
    TypeName.TIME: ("sqlalchemy", "Time"),
    TypeName.DATETIME: ("sqlmodel.sql.sqltypes", "UTCDateTime"),
    TypeName.UUID: ("sqlalchemy", "Uuid"),
    TypeName.DECIMAL: (".kit.types.decimals", "ExactNumber"),
}
_TEXT = (".kit.database.columns", "Text")


def has_computed(entities: Iterable[Entity]) -> bool:
    """Return whether an entity has computed properties."""
    return any(entity.computed for entity in entities)


def import_table_model(entity: Entity, entities: Entities, imports: Imports) -> None:
    """Import an entity's table model, with its computed properties, into its routes."""
    imports.use("..models" if entities.have_computed else ".models", str(entity.name))


def computed_properties(entities: Iterable[Entity], imports: Imports) -> Iterator[Code]:
    """Yield `compute(Hero, "full_name", heroes_hooks.full_name, Text())` for each property."""
    for number, entity in enumerate(entities, 1):
        if entity.computed:
            folder = folder_name(entity.plural)
            longest = max(len(field.attribute) for field in entity.computed)
            fits = INDENT + len(f"{folder}_hooks.,") + longest <= WIDTH
            module = identifier(f"{folder}_hooks" if fits else f"hooks_{number}")
            imports.use(f".{folder}", f"hooks as {module}")
            for field in entity.computed:
                yield _compute_call(name(entity.name), module, field, imports)


def _compute_call(model: Code, module: Code, field: Field, imports: Imports) -> Code:
    compute = imports.name(".kit.database.computed", "compute")
    kind = imports.name(*_SQL_TYPES.get(field.type, _TEXT))
    is_decimal = field.type is TypeName.DECIMAL
    digits = [literal(field.precision), literal(field.scale)] if is_decimal else []
    attribute = attribute_name(field.attribute)
    function = module + raw(".") + identifier(field.attribute)
    return statement(compute, call(raw(""), [model, attribute, function, call(kind, digits)]))


def class_variable(field: Field, annotation: Code, imports: Imports) -> Code:
    """Return `full_name: ClassVar[Mapped[str]]`, for the table model."""
    of_class = imports.name("typing", "ClassVar", in_class=True)
    mapped = imports.name("sqlalchemy.orm", "Mapped", in_class=True)
    value = mapped + raw("[") + annotation + raw("]")
    return typed_declaration(
        field.attribute, Bracket("[", (value,), "]").surrounded_by(of_class), None
    )


def function_parts(
    entity: Entity, field: Field, taken: Collection[str], imports: Imports
) -> tuple[Code, Code, Code]:
    """Return the signature, docstring and body of a function that returns a constant."""
    row = free_name(str(entity.singular), {*taken})
    model = imports.own(".models", str(entity.name))
    kind = _python_type(field, imports)
    kind = optional(kind) if field.optional else kind
    result = imports.name("sqlalchemy", "SQLColumnExpression") + raw("[") + kind + raw("]")
    parameter = annotated(row, imports.builtin("type") + raw("[") + model + raw("]"))
    head = raw("def ") + identifier(field.attribute)
    tail = raw(" -> ") + result + raw(":")
    value = FieldPrinter({}, imports, Entities()).constant(field.samples[0])
    constant = call(imports.name("sqlalchemy", "literal"), [value])
    text = f"Return the SQL of {words(field.attribute)}, from the columns of {a_row(entity)}."
    return (
        statement(head, call(raw(""), [parameter]), tail=tail),
        docstring(text, INDENT),
        statement(raw("return "), constant, INDENT),
    )


def _python_type(field: Field, imports: Imports) -> Code:
    """Return the type of the values in Python."""
    if field.type in _IMPORTED:
        return imports.name(*_IMPORTED[field.type])
    return imports.builtin(_BUILT_IN.get(field.type, "str"))
