"""Source of CHECK constraints. Reason to change: a rule of values that the database checks."""

from collections.abc import Iterator

from crudgen.codegen.code import Code, literal, raw, sql_name
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, Comparison, call, keyword, method
from crudgen.language.reserved import SQL_KEYWORDS
from crudgen.language.schema import Field, TypeName, Value
from crudgen.language.types import INT64_MAX, INT64_MIN

from .columns import SIZED, FieldPrinter


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
            within = self._within(length, field.min_length or None, field.max_length)
            yield self._check(field, "length", within)
        elif field.type is TypeName.ENUM:
            words = Bracket("[", tuple(literal(word) for word in field.words), "]")
            column = self._column_expression(field)
            yield self._check(field, "words", method(column, "in_", (words,)))
        else:
            low = None if field.minimum == INT64_MIN else field.minimum
            high = None if field.maximum == INT64_MAX else field.maximum
            if low is not None or high is not None:
                column = self._column_expression(field)
                yield self._check(field, "range", self._within(column, low, high))

    def _column_expression(self, field: Field) -> Bracket:
        items: list[Bracket | Code] = [self._column_name(field)]
        if field.type is TypeName.DECIMAL and (field.minimum, field.maximum) != (None, None):
            digits = [literal(field.precision), literal(field.scale)]
            items.append(call(self._imports.name("..kit.types.decimals", "ExactNumber"), digits))
        return call(self._imports.name("sqlalchemy", "column"), items)

    def _column_name(self, field: Field) -> Bracket | Code:
        column = sql_name(field.column)
        if field.column not in SQL_KEYWORDS:
            return column
        quoted = self._imports.name("sqlalchemy", "quoted_name")
        return call(quoted, (column, raw("quote=True")))

    def _within(self, column: Bracket, low: Value, high: Value) -> Bracket | Comparison:
        least, most = self._printer.constant(low), self._printer.constant(high)
        if low is not None and high is not None:
            return call(self._imports.name("sqlalchemy", "between"), [column, least, most])
        if low is not None:
            return Comparison(column, ">=", least)
        return Comparison(column, "<=", most)

    def _check(self, field: Field, what: str, expression: Bracket | Comparison) -> Bracket:
        constraint = self._imports.name("sqlalchemy", "CheckConstraint")
        label = keyword("name", literal(f"{field.column}_{what}"))
        return call(constraint, [expression, label])
