"""Source of the checks of an entity. Reason to change: how a condition is written in Python."""

from collections.abc import Iterable, Iterator

from crudgen.codegen.code import Code, literal
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, Comparison, call, keyword, method
from crudgen.language.conditions.text import condition_text
from crudgen.language.conditions.tree import (
    And,
    Condition,
    ConstantValue,
    FieldValue,
    InClaim,
    IsAmong,
    IsNull,
    IsTrue,
    Not,
    OneOf,
    Operand,
    Operator,
    Or,
)
from crudgen.language.conditions.tree import Comparison as ComparisonOf
from crudgen.language.names import FieldName
from crudgen.language.schema import Entity, TypeName

from .checks import column_of, decimal_column_type
from .columns import FieldPrinter

_MIRRORED = {
    Operator.LESS: Operator.GREATER,
    Operator.LESS_OR_EQUAL: Operator.GREATER_OR_EQUAL,
    Operator.GREATER: Operator.LESS,
    Operator.GREATER_OR_EQUAL: Operator.LESS_OR_EQUAL,
}
Source = Bracket | Comparison


def check_arguments(entity: Entity, imports: Imports, printer: FieldPrinter) -> Iterator[Bracket]:
    """Yield the checks of an entity, as items of `__table_args__`."""
    conditions = ConditionPrinter(entity, imports, printer)
    names = {field.name: str(field.json_name) for field in entity.fields}
    for check in entity.checks:
        says = check.says
        if says is None:
            says = f"The row should satisfy: {condition_text(check.condition, names)}"
        yield call(
            imports.name("..kit.database.row_rules", "RowRule"),
            [
                conditions.source(check.condition),
                keyword("name", literal(check.name)),
                keyword("message", literal(says)),
            ],
        )


class ConditionPrinter:
    """Builds conditions as SQLAlchemy expressions, and collects their imports."""

    def __init__(self, entity: Entity, imports: Imports, printer: FieldPrinter) -> None:
        self._entity = entity
        self._imports = imports
        self._printer = printer

    def source(self, condition: Condition) -> Source:
        """Return the source of a condition."""
        source: Source
        match condition:
            case ComparisonOf(left, operator, right):
                source = self._comparison(left, operator, right)
            case OneOf(operand, values):
                source = self._in_constants("in_", operand, values)
            case InClaim():
                source = self._in_claim(condition)
            case IsAmong(operand, others):
                source = self._in_column("in_", operand, others)
            case IsNull(operand):
                source = method(self._column(operand.name), "is_", [literal(None)])
            case IsTrue(operand):
                source = self._column(operand.name, has_type=True)
            case Not(inner):
                source = self._negation(inner)
            case And(conditions):
                source = self._function_call("and_", conditions)
            case Or(conditions):
                source = self._function_call("or_", conditions)
        return source

    def _in_claim(self, condition: InClaim) -> Bracket:
        """Return `me.teams.contains(…)`; only rules can name the caller."""
        return method(
            self._column(condition.claim.name), "contains", [self._column(condition.operand.name)]
        )

    def _negation(self, condition: Condition) -> Bracket:
        match condition:
            case OneOf(operand, values):
                return self._in_constants("not_in", operand, values)
            case IsAmong(operand, others):
                return self._in_column("not_in", operand, others)
            case IsNull(operand):
                return method(self._column(operand.name), "is_not", [literal(None)])
        return self._function_call("not_", [condition])

    def _function_call(self, function: str, conditions: Iterable[Condition]) -> Bracket:
        items = [self.source(one) for one in conditions]
        return call(self._imports.name("sqlalchemy", function), items)

    def _comparison(self, left: Operand, operator: Operator, right: Operand) -> Comparison:
        if not isinstance(left, FieldValue):
            # The column comes first. Two constants are never compared.
            return self._comparison(right, _MIRRORED.get(operator, operator), left)
        sign = "==" if operator is Operator.EQUAL else str(operator)
        if isinstance(right, FieldValue):
            return Comparison(self._column(left.name), sign, self._column(right.name))
        column = self._column(left.name, has_type=True)
        return Comparison(column, sign, self._printer.constant(right.value))

    def _in_constants(
        self, name: str, operand: FieldValue, values: Iterable[ConstantValue]
    ) -> Bracket:
        items = tuple(self._printer.constant(one.value) for one in values)
        column = self._column(operand.name, has_type=True)
        return method(column, name, [Bracket("[", items, "]")])

    def _in_column(self, name: str, operand: FieldValue, others: FieldValue) -> Bracket:
        return method(self._column(operand.name), name, [self._column(others.name)])

    def _column(self, name: FieldName, *, has_type: bool = False) -> Bracket:
        """Return a column; `has_type` if a constant beside it takes its type."""
        field = self._entity.field(name)
        kind: Bracket | Code | None = None
        if has_type and field.type is TypeName.DECIMAL:
            kind = decimal_column_type(field, self._imports)
        elif has_type and field.type is TypeName.BOOL:
            kind = self._imports.name("sqlalchemy", "Boolean")
        return column_of(field, self._imports, kind)
