"""SQLAlchemy statements, compiled once and then run by the driver directly.

This skips SQLAlchemy's work for each execution.
"""

from collections.abc import Callable, Mapping, Sequence
from sys import getsizeof
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Date,
    DateTime,
    Delete,
    Dialect,
    Float,
    Insert,
    Numeric,
    Select,
    TextualSelect,
    Update,
    bindparam,
    case,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

if TYPE_CHECKING:
    from .transaction import Diagnosis

Statement = Select[*tuple[Any, ...]] | TextualSelect | Insert | Update | Delete
Values = Mapping[str, Any]
Process = Callable[[Any], Any]
COLUMNS = "columns"
"""The execution option of an INSERT or UPDATE that maps names of parameters to columns.

The default maps the keys of the table's columns.
"""
DIAGNOSIS = "diagnosis"
"""The execution option of a statement whose errors need a Diagnosis."""
REREAD = "reread"
"""The execution option of an INSERT or UPDATE whose rows are read again after the last change.

RETURNING does not see what the same transaction changes later, nor the other rows it changes.
"""
RULES = "rules"
"""The key of the info of a CHECK constraint whose violations have a message.

The value returns the Diagnosis of statements, from the properties of the table and from another
Diagnosis.
"""
_PREPARED_BYTES = 500
"""Bytes of a Prepared without its SQL and its converters."""
_CONVERTER_BYTES = 300
"""Bytes of a converter of a value, with its name or index."""


class Prepared:
    """A compiled statement. An INSERT or UPDATE sets `columns`, the names of its parameters."""

    __slots__ = (
        "_binders",
        "_constants",
        "_defaults",
        "_loaders",
        "deletes",
        "diagnosis",
        "dialect",
        "has_key",
        "kind",
        "reads_rows",
        "rereads",
        "returns_final_row",
        "sql",
        "statement",
    )

    def __init__(self, statement: Statement, dialect: Dialect, columns: Sequence[str]) -> None:
        self._defaults: dict[str, Callable[[], Any]] = {}
        if isinstance(statement, Insert | Update):
            statement, self._defaults = _with_values(statement, columns)
        compiled = statement.compile(dialect=dialect)
        self.statement: Any = statement if isinstance(statement, Insert | Update | Delete) else None
        """The statement, if it writes. A list has many SELECTs, which take much memory."""
        self.dialect = dialect
        self.kind = dialect.name
        self.diagnosis: Diagnosis | None = statement.get_execution_options().get(DIAGNOSIS)
        self.rereads = bool(statement.get_execution_options().get(REREAD))
        """Whether the written row is read again at the end of the transaction."""
        self.sql = str(compiled)
        self.deletes = isinstance(statement, Delete)
        self.has_key = isinstance(statement, Update | Delete)
        """Whether the values contain the key of a row as `key__`."""
        self.reads_rows = True
        """Whether rows can change the result of a SELECT."""
        self.returns_final_row = False
        """Whether the last execution returned the final row (PostgreSQL, see returning.py)."""
        self._binders = {
            name: process
            for name, bind in compiled.binds.items()
            if (process := _bind_converter(bind.type, dialect))
        }
        self._constants = {
            name: bind.value
            for name, bind in compiled.binds.items()
            if not bind.required and bind.value is not None
        }
        returned = statement.exported_columns
        self._loaders = [
            (index, load)
            for index, column in enumerate(returned)
            if (load := _result_converter(column.type, dialect))
        ]

    @property
    def size(self) -> int:
        """The estimated bytes of memory, without a statement that writes."""
        converters = len(self._binders) + len(self._loaders)
        return _PREPARED_BYTES + getsizeof(self.sql) + _CONVERTER_BYTES * converters

    def values(self, given: Values) -> dict[str, Any]:
        """Return the values for the driver: converted, and with the defaults of columns."""
        values = {**self._constants, **given}
        for name, default in self._defaults.items():
            values[name] = default()
        for name, process in self._binders.items():
            values[name] = process(values[name])
        return values

    def with_constants(self, stored: Values) -> dict[str, Any]:
        """Return the values for the driver; `stored` are in its form already."""
        values = {**self._constants, **stored}
        for name in self._binders.keys() & self._constants.keys():
            values[name] = self._binders[name](values[name])
        return values

    def rows(self, found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Return rows of the driver as rows of Python values."""
        if not self._loaders:
            return found
        rows = []
        for row in found:
            values = list(row)
            for index, process in self._loaders:
                values[index] = process(values[index])
            rows.append(tuple(values))
        return rows


def later_timestamp(column: Column[Any], now: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the new value of an update timestamp: now, or the row's value if that is later.

    The system clock may go back. A time of day is always set to now.
    """
    if not isinstance(_inner_type(column.type), Date | DateTime):
        return now
    return case((column > now, column), else_=now)


def _with_values(
    statement: Insert | Update, names: Sequence[str]
) -> tuple[Insert | Update, dict[str, Callable[[], Any]]]:
    """Return a statement that sets columns to bound values, and the functions of its defaults.

    A default is the value of a column that is not in `names`, computed for each execution. An
    INSERT … SELECT is returned unchanged.
    """
    if isinstance(statement, Insert) and statement.select is not None:
        return statement, {}
    columns: Mapping[str, Column[Any]] = statement.get_execution_options().get(
        COLUMNS, statement.table.c
    )
    bound: dict[Any, Any] = {
        columns[name]: bindparam(name, type_=columns[name].type) for name in names
    }
    defaults = {}
    for name, column in columns.items():
        if column in bound:
            continue
        default: Any = column.default if isinstance(statement, Insert) else column.onupdate
        if default is None or not (default.is_callable or default.is_scalar):
            continue
        parameter = name if isinstance(statement, Insert) else f"{name}__now"
        value = bindparam(parameter, type_=column.type)
        is_timestamp = isinstance(statement, Update) and default.is_callable
        bound[column] = later_timestamp(column, value) if is_timestamp else value
        defaults[parameter] = _default_function(default)
    return statement.values(bound), defaults


def _inner_type(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def _bind_converter(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    if isinstance(kind, Float):
        return _normalized_float
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _normalized_float(value: Any) -> float | None:
    """Return a float, or None; 0.0 for -0.0, which SQLite does not store, and 1.0 for an int 1."""
    return None if value is None else float(value) + 0.0


def _result_converter(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    if isinstance(kind, Float):
        return _normalized_float
    inner = _inner_type(kind)
    # 1700 and 701 are PostgreSQL's type OIDs of numeric and float8.
    exact = isinstance(inner, Numeric) and inner.asdecimal
    return kind.dialect_impl(dialect).result_processor(dialect, 1700 if exact else 701)


def _default_function(default: Any) -> Callable[[], Any]:
    if default.is_callable:
        return lambda: default.arg(None)
    return lambda: default.arg
