"""Comparisons of fields and constants. Reason to change: which values can be compared.

Both databases compare them as Python does: text by code point, a decimal with another one of the
same scale.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import cast
from unicodedata import normalize

from crudgen.language.conditions.tokens import ConditionError, Kind, Token
from crudgen.language.conditions.tree import (
    Comparison,
    Condition,
    ConstantValue,
    FieldValue,
    IsAmong,
    IsNull,
    IsTrue,
    Not,
    OneOf,
    Operator,
    Scalar,
)
from crudgen.language.schema import Field, TypeName
from crudgen.language.yaml.document import scalar_value
from crudgen.language.yaml.problems import quoted, suggest

from .values import as_stored, to_value, value_problem

_TEXTS = {TypeName.STR, TypeName.TEXT, TypeName.EMAIL, TypeName.URL}
_NUMBERS = {TypeName.INT, TypeName.FLOAT, TypeName.DECIMAL}
_OPAQUE = {TypeName.JSON, TypeName.BYTES}
"""Types whose values can only be compared with null."""
_UNORDERED = {TypeName.ENUM, TypeName.BOOL}
_EQUALITY = {Operator.EQUAL, Operator.UNEQUAL}
NULLS = {"null", "none", "nil", "undefined"}
"""The words for null in SQL and in other languages."""


@dataclass(frozen=True, slots=True)
class Operand:
    """An operand as written: a field or a constant."""

    token: Token
    field: Field | None = None


def comparison(left: Operand, sign: Token, right: Operand) -> Condition:
    """Return a comparison. Raises ConditionError if the operands cannot be compared."""
    operator = Operator(sign.text)
    field, other = (left, right) if left.field is not None else (right, left)
    if field.field is None:
        problem = "a comparison needs a field"
        raise ConditionError(problem, "compare a field", left.token.start, right.token.end)
    if other.field is None and other.token.text.lower() in NULLS and _is_word(other):
        _reject_null(field.token, operator, other.token)
    _check_comparable(field.field, field.token, sign, operator)
    if other.field is not None:
        _check_field_types(field.field, other.field, (left.token.start, right.token.end))
        return Comparison(FieldValue(field.field.name), operator, FieldValue(other.field.name))
    value = _constant(field.field, other.token, must_be_valid=operator in _EQUALITY)
    if field.field.type is TypeName.BOOL:
        found = IsTrue(FieldValue(field.field.name))
        return found if (value.value is True) == (operator is Operator.EQUAL) else Not(found)
    named = FieldValue(field.field.name)
    if field is left:
        return Comparison(named, operator, value)
    return Comparison(value, operator, named)


def one_of_condition(operand: Operand, word: Token, values: list[Token]) -> OneOf:
    """Return `a in (1, 2)`. Raises ConditionError if a value cannot be compared."""
    field = _field_of_operand(operand, word)
    _check_comparable(field, operand.token, word, Operator.EQUAL)
    if field.type is TypeName.BOOL:
        remedy = f"write {field.name!s} or not {field.name!s}, or compare it with null"
        raise _error_at("'in' does not apply to a bool", remedy, word)
    found: list[ConstantValue] = []
    for token in values:
        if token.keyword == "null":
            remedy = f"write '{field.name} is null or {field.name} in (…)'"
            raise _error_at("a list cannot contain null", remedy, token)
        value = _constant(field, token, must_be_valid=True)
        if value in found:
            raise _error_at(f"duplicate value {quoted(token.text)}", "remove one of them", token)
        found.append(value)
    return OneOf(FieldValue(field.name), tuple(found))


def among_condition(operand: Operand, word: Token, values: Operand) -> IsAmong:
    """Return `a in b` for a field with several values. Raises ConditionError."""
    field, other = _field_of_operand(operand, word), _field_of_operand(values, word)
    _check_comparable(field, operand.token, word, Operator.EQUAL)
    _check_field_types(field, other, (operand.token.start, values.token.end))
    return IsAmong(FieldValue(field.name), FieldValue(other.name))


def null_condition(operand: Operand, word: Token) -> IsNull:
    """Return `a is null`. Raises ConditionError if the operand is never null."""
    field = _field_of_operand(operand, word)
    if not field.optional:
        problem = f"{str(field.name)!r} is never null: it is not optional"
        raise _error_at(problem, "remove this part, or add '?' to the field", operand.token)
    return IsNull(FieldValue(field.name))


def bool_condition(operand: Operand) -> IsTrue:
    """Return a bool field by itself. Raises ConditionError for another operand."""
    field = operand.field
    if field is None:
        problem = f"{quoted(operand.token.text)} is not a condition"
        raise _error_at(problem, "compare a field with it", operand.token)
    if field.type is not TypeName.BOOL:
        problem = f"{str(field.name)!r} is {_type_with_article(field)}, not a condition"
        null = f"{field.name} is not null" if field.optional else f"{field.name} = …"
        raise _error_at(problem, f"compare it, such as '{null}'", operand.token)
    return IsTrue(FieldValue(field.name))


def _constant(field: Field, token: Token, *, must_be_valid: bool) -> ConstantValue:
    """Return a constant as a value of the field's type. Raises ConditionError for another type.

    `must_be_valid` rejects a value that the field cannot have.
    """
    if field.type is TypeName.ENUM:
        return _enum_value(field, token)
    try:
        value = to_value(field.type, _plain_value(field, token))
        stored = as_stored(field, value)
    except ValueError as error:
        problem, remedy = (*error.args, "")[:2]
        raise _error_at(str(problem), str(remedy), token) from None
    is_exact = isinstance(stored, Decimal) or must_be_valid
    problem = value_problem(field, stored) if is_exact else None
    if problem is not None and (must_be_valid or "does not fit" in problem):
        remedy = f"compare with a value that {str(field.name)!r} can have"
        raise _error_at(problem, remedy, token)
    return ConstantValue(cast("Scalar", stored))


def _plain_value(field: Field, token: Token) -> bool | int | Decimal | str | None:
    """Return a constant as YAML would read it. Raises ConditionError for another kind of value.

    Raises ValueError for a number that YAML does not read as one.
    """
    if token.keyword in {"true", "false"}:
        return token.text == "true"
    if token.kind is Kind.TEXT:
        return token.content
    if token.kind is Kind.NUMBER:
        if field.type in _NUMBERS:
            number = scalar_value(token.text)
            if isinstance(number, str):
                raise ValueError(f"{token.text} has leading zeros", "remove them")
            return number
        problem = (
            f"{str(field.name)!r} is {_type_with_article(field)}, and is compared with a number"
        )
        remedy = "compare it with a value of its type"
        if field.type is TypeName.BOOL:
            remedy = "write true or false"
        elif field.type in _TEXTS:
            remedy = f"quote it: '{token.text}'"
        raise _error_at(problem, remedy, token)
    problem = f"unknown field {quoted(token.text)}"
    if field.type is TypeName.BOOL:
        raise _error_at(problem, "write true or false", token)
    raise _error_at(problem, f"quote it if it is a value: '{token.text}'", token)


def _enum_value(field: Field, token: Token) -> ConstantValue:
    """Return a value of an enum."""
    text = token.content if token.kind is Kind.TEXT else token.text
    word = normalize("NFC", text)
    if word not in field.words:
        problem = f"{quoted(text)} is not a value of the enum {str(field.name)!r}"
        raise _error_at(problem, suggest(text, field.words), token)
    if token.keyword:
        raise _error_at(f"{quoted(text)} is a keyword of conditions", f"quote it: '{text}'", token)
    return ConstantValue(word, is_word=True)


def _check_comparable(field: Field, token: Token, sign: Token, operator: Operator) -> None:
    """Check that a field has values to compare, and an order if the operator needs one."""
    name = str(field.name)
    if field.type in _OPAQUE:
        problem = f"{name!r} is {_type_with_article(field)}, which can only be compared with null"
        remedy = f"write '{name} is null' or '{name} is not null'"
        raise _error_at(problem, remedy if field.optional else "remove it", token)
    if field.type in _UNORDERED and operator not in _EQUALITY:
        remedy = "write '=' or '!='" if field.type is TypeName.BOOL else "write '=', '!=' or 'in'"
        raise _error_at(
            f"{name!r} is {_type_with_article(field)}, whose values have no order", remedy, sign
        )


def _check_field_types(one: Field, other: Field, place: tuple[int, int]) -> None:
    """Check that two fields can be compared."""
    first, second = (f"{str(each.name)!r} is {_type_with_article(each)}" for each in (one, other))
    if one.name == other.name:
        problem = f"{str(one.name)!r} is compared with itself"
        raise ConditionError(problem, "compare it with another field or value", *place)
    if _comparable_type(one) != _comparable_type(other):
        raise ConditionError(f"{first}, and {second}", "compare fields of the same type", *place)
    if one.type is TypeName.DECIMAL and one.scale != other.scale:
        problem = f"{str(one.name)!r} has {one.scale} decimals, {str(other.name)!r} {other.scale}"
        raise ConditionError(problem, "give both fields the same number of decimals", *place)
    if one.type is TypeName.ENUM and not {*one.words} & {*other.words}:
        problem = f"{str(one.name)!r} and {str(other.name)!r} have no value in common"
        raise ConditionError(problem, "compare enums that share a value", *place)


def _reject_null(field: Token, operator: Operator, token: Token) -> None:
    is_not = "is null" if operator is Operator.EQUAL else "is not null"
    remedy = f"write '{field.text} {is_not}'"
    raise _error_at(f"a comparison with {token.text} is never true", remedy, token)


def _field_of_operand(operand: Operand, word: Token) -> Field:
    if operand.field is None:
        problem = f"{quoted(operand.token.text)} is not a field"
        raise _error_at(problem, f"write a field before '{word.text}'", operand.token)
    return operand.field


def _is_word(operand: Operand) -> bool:
    return operand.token.kind is Kind.NAME


def _comparable_type(field: Field) -> TypeName:
    """Return one of the types whose values can be compared with those of a field."""
    return TypeName.STR if field.type in _TEXTS else field.type


def _type_with_article(field: Field) -> str:
    """Return the type with its article: `an int`."""
    vowel = field.type in {TypeName.INT, TypeName.ENUM, TypeName.EMAIL}
    return f"{'an' if vowel else 'a'} {field.type}"


def _error_at(problem: str, remedy: str, token: Token) -> ConditionError:
    return ConditionError(problem, remedy, token.start, token.end)
