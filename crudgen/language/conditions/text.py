"""Trees → text of conditions. Reason to change: how a condition is written.

Reading the text gives an equal tree.
"""

import re
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from uuid import UUID

from crudgen.language.names import FieldName

from .tokens import KEYWORDS
from .tree import (
    And,
    Comparison,
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
    Or,
)

_WORD = re.compile(r"[^\W\d]\w*")
Names = Mapping[FieldName, str]


def condition_text(condition: Condition, names: Names) -> str:
    """Return the text of a condition; `names` has the names to write for the fields."""
    match condition:
        case Comparison(left, operator, right):
            text = f"{_operand_text(left, names)} {operator} {_operand_text(right, names)}"
        case OneOf(operand, values):
            text = f"{_operand_text(operand, names)} in {_value_list(values)}"
        case InClaim(operand, claim):
            text = f"{_operand_text(operand, names)} in {_operand_text(claim, names)}"
        case IsAmong(operand, others):
            text = f"{_operand_text(operand, names)} in {_operand_text(others, names)}"
        case IsNull(operand):
            text = f"{_operand_text(operand, names)} is null"
        case IsTrue(operand):
            text = _operand_text(operand, names)
        case Not(inner):
            text = _negated_text(inner, names)
        case And(conditions):
            text = " and ".join(_text_in_and(one, names) for one in conditions)
        case Or(conditions):
            text = " or ".join(condition_text(one, names) for one in conditions)
    return text


def _negated_text(condition: Condition, names: Names) -> str:
    match condition:
        case OneOf(operand, values):
            return f"{_operand_text(operand, names)} not in {_value_list(values)}"
        case InClaim(operand, claim):
            return f"{_operand_text(operand, names)} not in {_operand_text(claim, names)}"
        case IsAmong(operand, others):
            return f"{_operand_text(operand, names)} not in {_operand_text(others, names)}"
        case IsNull(operand):
            return f"{_operand_text(operand, names)} is not null"
        case IsTrue(operand):
            return f"not {_operand_text(operand, names)}"
    return f"not ({condition_text(condition, names)})"


def _text_in_and(condition: Condition, names: Names) -> str:
    text = condition_text(condition, names)
    return f"({text})" if isinstance(condition, Or) else text


def _value_list(values: tuple[ConstantValue, ...]) -> str:
    return f"({', '.join(map(_constant_text, values))})"


def _operand_text(operand: Operand, names: Names) -> str:
    if isinstance(operand, FieldValue):
        return names.get(operand.name, operand.name)
    return _constant_text(operand)


def _constant_text(constant: ConstantValue) -> str:
    match constant.value:
        case bool() as value:
            return "true" if value else "false"
        case int() | float() | Decimal() as value:
            return str(value)
        case str() as value if constant.is_word and _needs_no_quotes(value):
            return value
        case date() | time() as value:
            return _quoted(value.isoformat())
        case str() | UUID() as value:
            return _quoted(str(value))


def _needs_no_quotes(word: str) -> bool:
    """Return whether a value of an enum needs no quotes in a condition."""
    return _WORD.fullmatch(word) is not None and word not in KEYWORDS


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
