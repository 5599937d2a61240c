"""What can be asked of a column: `age__gte=18`. An operator means the same on every database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Integer,
    LargeBinary,
    and_,
    func,
    literal_column,
    or_,
)

from ..database.columns import JsonValue, Text

Clause = Callable[[Any, Sequence[Any], str], ColumnElement[bool]]
"""From a column, the values (bound, but for a flag), and the kind of database."""
_ZERO, _ONE = literal_column("0", Integer()), literal_column("1", Integer())
_UPPER_TO_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


@dataclass(frozen=True, slots=True)
class Operator:
    """One way to compare a column with what a client sends."""

    doc: str
    """What the rows have that it finds; `{}` is the name of the property."""
    clause: Clause
    many: bool = False
    """Whether the parameter may be given more than once."""
    folds: bool = False
    """Whether a value is compared without regard to the case of A to Z."""
    is_text: bool = False
    """Whether it takes part of a text, instead of a value of the property."""
    is_flag: bool = False
    """Whether it takes true or false, instead of a value of the property."""


def fold(value: str) -> str:
    """Lower the letters A to Z, as both databases do: SQLite knows no others."""
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


def _starts(column: Any, values: Sequence[Any], _kind: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = func.substr(column, _ONE, func.length(values[0])) == values[0]
    return found


def _ends(column: Any, values: Sequence[Any], _kind: str) -> ColumnElement[bool]:
    rest = func.length(column) - func.length(values[0])
    return and_(rest >= _ZERO, func.substr(column, rest + _ONE) == values[0])


def _folded(clause: Clause) -> Clause:
    return lambda column, values, kind: clause(func.lower(column), values, kind)


OPERATORS: Mapping[str, Operator] = {
    "eq": Operator("{} is this", lambda column, values, _: column == values[0]),
    "ne": Operator(
        "{} is not this, or null", lambda column, values, _: column.is_distinct_from(values[0])
    ),
    "lt": Operator("{} is less than this", lambda column, values, _: column < values[0]),
    "lte": Operator("{} is at most this", lambda column, values, _: column <= values[0]),
    "gt": Operator("{} is more than this", lambda column, values, _: column > values[0]),
    "gte": Operator("{} is at least this", lambda column, values, _: column >= values[0]),
    "in": Operator("{} is one of these", _is_in, many=True),
    "not_in": Operator("{} is none of these, or null", _is_not_in, many=True),
    "isnull": Operator("{} is null, or is not", _is_null, is_flag=True),
    "contains": Operator("{} has this somewhere", _contains, is_text=True),
    "icontains": Operator(
        "{} has this somewhere; A to Z in any case", _folded(_contains), folds=True, is_text=True
    ),
    "startswith": Operator("{} begins with this", _starts, is_text=True),
    "istartswith": Operator(
        "{} begins with this; A to Z in any case", _folded(_starts), folds=True, is_text=True
    ),
    "endswith": Operator("{} ends with this", _ends, is_text=True),
    "iendswith": Operator(
        "{} ends with this; A to Z in any case", _folded(_ends), folds=True, is_text=True
    ),
}
_EQUAL = ("eq", "ne", "in", "not_in")
_ORDER = ("eq", "ne", "lt", "lte", "gt", "gte", "in", "not_in")
_TEXT = ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith")


def operators_of(column: Column[Any], *, is_word: bool) -> tuple[str, ...]:
    """List the operators that a column takes; `is_word` tells that it holds one of some words."""
    null = ("isnull",) if column.nullable else ()
    match column.type:
        case JsonValue() | LargeBinary():
            return null
        case Boolean():
            return ("eq", "ne", *null)
        case Text() if is_word:
            return (*_EQUAL, *null)
        case Text():
            return (*_ORDER, *null, *_TEXT)
        case _:
            return (*_ORDER, *null)
