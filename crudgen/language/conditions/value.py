"""The value of a condition for a row, with SQL's three values. Reason to change: these rules."""

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from crudgen.language.names import FieldName

from .tree import (
    And,
    Comparison,
    Condition,
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

Row = Mapping[FieldName, Any]
_OPERATORS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: operator.eq,
    Operator.UNEQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
}


def value_of(condition: Condition, row: Row) -> bool | None:
    """Return the value of a condition; None if it is unknown, because of null."""
    found: bool | None
    match condition:
        case Comparison(left, compared, right):
            one, other = _operand_value(left, row), _operand_value(right, row)
            found = None if one is None or other is None else _OPERATORS[compared](one, other)
        case OneOf(operand, values):
            one = _operand_value(operand, row)
            found = None if one is None else one in [constant.value for constant in values]
        case InClaim(operand, claim):
            one, items = _operand_value(operand, row), _operand_value(claim, row)
            found = None if one is None or items is None else one in items
        case IsAmong():  # only rules have it, which are about other rows too
            found = None
        case IsNull(operand):
            found = _operand_value(operand, row) is None
        case IsTrue(operand):
            found = _operand_value(operand, row)
        case Not(inner):
            value = value_of(inner, row)
            found = None if value is None else not value
        case And(conditions):
            found = _and_or_value(False, (value_of(one, row) for one in conditions))
        case Or(conditions):
            found = _and_or_value(True, (value_of(one, row) for one in conditions))
    return found


def _and_or_value(decisive: bool, values: Iterable[bool | None]) -> bool | None:
    """Return `decisive` if a value equals it, else None if one is unknown, else its opposite."""
    found = [*values]
    if decisive in found:
        return decisive
    return None if None in found else not decisive


def _operand_value(operand: Operand, row: Row) -> Any:
    return row[operand.name] if isinstance(operand, FieldValue) else operand.value
