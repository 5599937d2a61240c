"""The filter operators, as in `age__gte=18`. They mean the same on both databases."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    and_,
    func,
    literal_column,
    or_,
)

from ..database.columns import Text, value_handling

Clause = Callable[[Any, Sequence[Any], str], ColumnElement[bool]]
"""A function of a column, the values (bound parameters, except for a flag), and the dialect."""
_ZERO, _ONE = literal_column("0", Integer()), literal_column("1", Integer())
_UPPER_TO_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


@dataclass(frozen=True, slots=True)
class Operator:
    """One way to compare a column with the values of a parameter."""

    doc: str
    """The condition in words; `{}` is the name of the property."""
    clause: Clause
    many: bool = False
    """Whether the parameter may be repeated."""
    folds: bool = False
    """Whether the comparison ignores the case of A to Z."""
    is_text: bool = False
    """Whether the parameter is a part of a text instead of a value of the property."""
    is_flag: bool = False
    """Whether the parameter is true or false instead of a value of the property."""


def lower_ascii(value: str) -> str:
    """Return a text with A to Z in lower case. SQLite converts no other letters."""
    return value.translate(_UPPER_TO_LOWER)


def _is_in(column: Any, values: Sequence[Any], _kind: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.in_(values)
    return found


def _is_not_in(column: Any, values: Sequence[Any], _kind: str) -> ColumnElement[bool]:
    return or_(column.is_(None), column.not_in(values))


def _is_null(column: Any, values: Sequence[Any], _kind: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.is_(None) if values[0] else column.is_not(None)
    return found


def _contains(column: Any, values: Sequence[Any], kind: str) -> ColumnElement[bool]:
    position = func.instr if kind == "sqlite" else func.strpos
    found: ColumnElement[bool] = position(column, values[0]) > _ZERO
    return found


def _starts_with(column: Any, values: Sequence[Any], _kind: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = func.substr(column, _ONE, func.length(values[0])) == values[0]
    return found


def _ends_with(column: Any, values: Sequence[Any], _kind: str) -> ColumnElement[bool]:
    rest = func.length(column) - func.length(values[0])
    return and_(rest >= _ZERO, func.substr(column, rest + _ONE) == values[0])


def _ignoring_case(clause: Clause) -> Clause:
    return lambda column, values, kind: clause(func.lower(column), values, kind)


OPERATORS: Mapping[str, Operator] = {
    "eq": Operator("{} equals this value", lambda column, values, _: column == values[0]),
    "ne": Operator(
        "{} is another value or null", lambda column, values, _: column.is_distinct_from(values[0])
    ),
    "lt": Operator("{} is less than this value", lambda column, values, _: column < values[0]),
    "lte": Operator("{} is at most this value", lambda column, values, _: column <= values[0]),
    "gt": Operator("{} is greater than this value", lambda column, values, _: column > values[0]),
    "gte": Operator("{} is at least this value", lambda column, values, _: column >= values[0]),
    "in": Operator("{} is one of these values", _is_in, many=True),
    "not_in": Operator("{} is none of these values, or null", _is_not_in, many=True),
    "isnull": Operator("{} is null (`true`) or not null (`false`)", _is_null, is_flag=True),
    "exists": Operator(
        "{} exist (`true`) or do not exist (`false`)",
        lambda found, values, _: found if values[0] else ~found,
        is_flag=True,
    ),
    "contains": Operator("{} contains this text", _contains, is_text=True),
    "icontains": Operator(
        "{} contains this text, ignoring the case of A to Z",
        _ignoring_case(_contains),
        folds=True,
        is_text=True,
    ),
    "startswith": Operator("{} begins with this text", _starts_with, is_text=True),
    "istartswith": Operator(
        "{} begins with this text, ignoring the case of A to Z",
        _ignoring_case(_starts_with),
        folds=True,
        is_text=True,
    ),
    "endswith": Operator("{} ends with this text", _ends_with, is_text=True),
    "iendswith": Operator(
        "{} ends with this text, ignoring the case of A to Z",
        _ignoring_case(_ends_with),
        folds=True,
        is_text=True,
    ),
}
_EQUAL = ("eq", "ne", "in", "not_in")
_ORDER = ("eq", "ne", "lt", "lte", "gt", "gte", "in", "not_in")
_TEXT = ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith")


def operators_of(column: ColumnElement[Any], *, is_word: bool, nullable: bool) -> tuple[str, ...]:
    """Return the filter operators of a column. `is_word`: it contains one of a set of words."""
    null = ("isnull",) if nullable else ()
    if not value_handling(column.type).is_comparable:
        return null
    match column.type:
        case Boolean():
            return ("eq", "ne", *null)
        case Text() if is_word:
            return (*_EQUAL, *null)
        case Text():
            return (*_ORDER, *null, *_TEXT)
        case _:
            return (*_ORDER, *null)
