"""A SQLAlchemy statement made ready for a driver: its text, and what its values pass through.

SQLAlchemy builds and compiles each statement once; a request then goes to the driver itself. For
one row of three columns that is 5 µs instead of 35 µs on SQLite.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

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

Statement = Select[Any] | TextualSelect | Insert | Update | Delete
Values = Mapping[str, Any]
Process = Callable[[Any], Any]


class Prepared:
    """A compiled statement. `columns` are those that an INSERT or UPDATE is given values for."""

    __slots__ = (
        "_binders",
        "_defaults",
        "_loaders",
        "deletes",
        "has_key",
        "returns_as_it_is",
        "sql",
        "statement",
    )

    def __init__(self, statement: Statement, dialect: Dialect, columns: Sequence[str]) -> None:
        moments: dict[str, Callable[[], Any]] = {}
        if isinstance(statement, Update):
            statement, moments = _touching(statement, columns)
        compiled = statement.compile(dialect=dialect, column_keys=list(columns) or None)
        self.statement = statement
        self.sql = str(compiled)
        self.deletes = isinstance(statement, Delete)
        self.has_key = isinstance(statement, Update | Delete)
        """Whether it is given the key of a row, as `key__`."""
        self.returns_as_it_is = False
        """Whether what it returned last was the row as it is, on PostgreSQL."""
        filled: list[Column[Any]] = []
        if isinstance(statement, Insert):
            filled = list(compiled.insert_prefetch)
        elif isinstance(statement, Update):
            filled = list(compiled.update_prefetch)
        kind = "default" if isinstance(statement, Insert) else "onupdate"
        self._defaults = {column.key: _default(getattr(column, kind)) for column in filled}
        self._defaults |= moments
        self._binders = {
            name: process
            for name, bind in compiled.binds.items()
            if (process := _binder(bind.type, dialect))
        }
        returned = statement.exported_columns
        self._loaders = [
            (index, load)
            for index, column in enumerate(returned)
            if (load := _loader(column.type, dialect))
        ]

    def values(self, given: Values) -> dict[str, Any]:
        """Add the defaults of columns, and turn values into what the driver takes."""
        values = dict(given)
        for name, default in self._defaults.items():
            values[name] = default()
        for name, process in self._binders.items():
            values[name] = process(values[name])
        return values

    def rows(self, found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Turn what the driver gives into Python values."""
        if not self._loaders:
            return found
        rows = []
        for row in found:
            values = list(row)
            for index, process in self._loaders:
                values[index] = process(values[index])
            rows.append(tuple(values))
        return rows


def later(column: Column[Any], moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return what a touched column is set to: the moment, or what the row has if that is later.

    Clocks go back. A time of day does so at midnight, and takes the moment as it is.
    """
    if not isinstance(_inner(column.type), Date | DateTime):
        return moment
    return case((column > moment, column), else_=moment)


def _touching(
    statement: Update, columns: Sequence[str]
) -> tuple[Update, dict[str, Callable[[], Any]]]:
    """Set what is touched at every update; return the moments that are bound, by their names."""
    moments = {}
    for column in statement.table.c:
        update: Any = getattr(column, "onupdate", None)
        if update is not None and update.is_callable and column.key not in columns:
            bound = bindparam(f"{column.key}__now", type_=column.type)
            statement = statement.values({column: later(column, bound)})  # type: ignore[arg-type]
            moments[f"{column.key}__now"] = _default(update)
    return statement, moments


def _inner(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def _binder(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    if isinstance(kind, Float):
        return _float
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _float(value: Any) -> float | None:
    """SQLite gives 1 for a new 1.0, and has no -0.0."""
    return None if value is None else float(value) + 0.0


def _loader(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    if isinstance(kind, Float):
        return _float
    inner = _inner(kind)
    # PostgreSQL's numbers of its types numeric and float8: what such columns are.
    exact = isinstance(inner, Numeric) and inner.asdecimal
    return kind.dialect_impl(dialect).result_processor(dialect, 1700 if exact else 701)


def _default(default: Any) -> Callable[[], Any]:
    if default.is_callable:
        return lambda: default.arg(None)
    return lambda: default.arg
