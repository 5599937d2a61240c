"""Source of CHECK constraints. Reason to change: a rule of values that the database checks."""

from collections.abc import Iterator

from crudgen.codegen.code import Code, literal, raw, sql_name
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, Comparison, call, keyword, method
from crudgen.language.reserved import SQL_KEYWORDS
from crudgen.language.schema import Field, TypeName, Value
from crudgen.language.types import INT64_MAX, INT64_MIN

from .columns import SIZED, FieldPrinter


def column_of(field: Field, imports: Imports, kind: Bracket | Code | None = None) -> Bracket:
    """Return `column("age")`, with a type if SQLAlchemy needs one for the constants beside it."""
    name: Bracket | Code = sql_name(field.column)
    if field.column in SQL_KEYWORDS:
        name = call(imports.name("sqlalchemy", "quoted_name"), (name, raw("quote=True")))
    return call(imports.name("sqlalchemy", "column"), [name] if kind is None else [name, kind])


def decimal_column_type(field: Field, imports: Imports) -> Bracket:
    """Return the column type of a decimal."""
    digits = [literal(field.precision), literal(field.scale)]
    return call(imports.name("..kit.types.decimals", "ExactNumber"), digits)


class CheckPrinter:
    """Builds the CHECK constraints of a table, and collects their imports."""

    def __init__(self, printer: FieldPrinter, imports: Imports) -> None:
        self._printer = printer
        self._imports = imports

    def checks(self, field: Field) -> Iterator[Bracket]:
        """Yield the CHECK constraint of the field's column, if it needs one.

        A reference needs none: it equals a key, whose column has one.
        """
        if field.reference is not None:
            return
        if field.type in SIZED:
            function = self._imports.name("sqlalchemy", "func") + raw(".length")
            length = call(function, [self._column_expression(field)])
            within = self._range_condition(length, field.min_length or None, field.max_length)
            yield self._check_constraint(field, "length", within)
        elif field.type is TypeName.ENUM:
            words = Bracket("[", tuple(literal(word) for word in field.words), "]")
            column = self._column_expression(field)
            yield self._check_constraint(field, "words", method(column, "in_", (words,)))
        else:
            low = None if field.minimum == INT64_MIN else field.minimum
            high = None if field.maximum == INT64_MAX else field.maximum
            if low is not None or high is not None:
                column = self._column_expression(field)
                yield self._check_constraint(
                    field, "range", self._range_condition(column, low, high)
                )

    def _column_expression(self, field: Field) -> Bracket:
        is_scaled = field.type is TypeName.DECIMAL
        if is_scaled and (field.minimum, field.maximum) != (None, None):
            return column_of(field, self._imports, decimal_column_type(field, self._imports))
        return column_of(field, self._imports)

    def _range_condition(self, column: Bracket, low: Value, high: Value) -> Bracket | Comparison:
        least, most = self._printer.constant(low), self._printer.constant(high)
        if low is not None and high is not None:
            return call(self._imports.name("sqlalchemy", "between"), [column, least, most])
        if low is not None:
            return Comparison(column, ">=", least)
        return Comparison(column, "<=", most)

    def _check_constraint(
        self, field: Field, what: str, expression: Bracket | Comparison
    ) -> Bracket:
        constraint = self._imports.name("sqlalchemy", "CheckConstraint")
        label = keyword("name", literal(f"{field.column}_{what}"))
        return call(constraint, [expression, label])
