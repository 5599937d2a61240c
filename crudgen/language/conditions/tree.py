"""Conditions as trees. Reason to change: another kind of condition or operand.

All types are checked: a constant is a value of the type of the field that it is compared with.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from crudgen.language.names import FieldName

Scalar: TypeAlias = bool | int | float | str | Decimal | date | time | datetime | UUID


class Operator(StrEnum):
    """A comparison, as written in a spec."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


@dataclass(frozen=True, slots=True)
class FieldValue:
    """The value of a field."""

    name: FieldName


@dataclass(frozen=True, slots=True)
class ConstantValue:
    """A value that is written in the condition."""

    value: Scalar
    is_word: bool = False
    """Whether it is a value of an enum."""


Operand: TypeAlias = FieldValue | ConstantValue


@dataclass(frozen=True, slots=True)
class Comparison:
    """`a < b`: unknown if one of them is null."""

    left: Operand
    operator: Operator
    right: Operand


@dataclass(frozen=True, slots=True)
class OneOf:
    """`a in (1, 2)`: unknown if the operand is null."""

    operand: FieldValue
    values: tuple[ConstantValue, ...]


@dataclass(frozen=True, slots=True)
class InClaim:
    """`a in me.teams`: unknown if the operand or the list of the caller is null."""

    operand: FieldValue
    claim: FieldValue


@dataclass(frozen=True, slots=True)
class IsAmong:
    """`a in b` for several values of `b`: false without any; unknown if `a` or one is null."""

    operand: FieldValue
    values: FieldValue


@dataclass(frozen=True, slots=True)
class IsNull:
    """`a is null`: never unknown."""

    operand: FieldValue


@dataclass(frozen=True, slots=True)
class IsTrue:
    """A bool field by itself: unknown if it is null."""

    operand: FieldValue


@dataclass(frozen=True, slots=True)
class Not:
    """`not a`: unknown if the condition is."""

    condition: "Condition"


@dataclass(frozen=True, slots=True)
class And:
    """`a and b`: false if one is false, else unknown if one is unknown."""

    conditions: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """`a or b`: true if one is true, else unknown if one is unknown."""

    conditions: "tuple[Condition, ...]"


Condition: TypeAlias = Comparison | OneOf | InClaim | IsAmong | IsNull | IsTrue | Not | And | Or


def fields_of(condition: Condition) -> set[FieldName]:
    """Return the names of the fields in a condition."""
    match condition:
        case Comparison(left, _, right):
            operands: tuple[Operand, ...] = (left, right)
            return {one.name for one in operands if isinstance(one, FieldValue)}
        case Not(inner):
            return fields_of(inner)
        case And(conditions) | Or(conditions):
            return set[FieldName]().union(*map(fields_of, conditions))
        case InClaim(operand, claim):
            return {operand.name, claim.name}
        case IsAmong(operand, others):
            return {operand.name, others.name}
        case OneOf(operand) | IsNull(operand) | IsTrue(operand):
            return {operand.name}


def constants_of(condition: Condition) -> dict[FieldName, list[Scalar]]:
    """Return the constants that each field is compared with."""
    found: dict[FieldName, list[Scalar]] = {}
    match condition:
        case Comparison(FieldValue(name), _, ConstantValue(value)):
            found[name] = [value]
        case Comparison(ConstantValue(value), _, FieldValue(name)):
            found[name] = [value]
        case OneOf(operand, values):
            found[operand.name] = [one.value for one in values]
        case Not(inner):
            return constants_of(inner)
        case And(conditions) | Or(conditions):
            for one in conditions:
                for name, constants in constants_of(one).items():
                    found[name] = [*found.get(name, ()), *constants]
    return found
