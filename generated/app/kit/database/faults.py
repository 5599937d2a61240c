"""Classification of driver errors by their codes, and conversion to HTTP errors."""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnClause,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.visitors import iterate

from ..errors import (
    Condition,
    Conflict,
    MissingTarget,
    Referenced,
    Refused,
    RuleViolated,
    Unavailable,
)
from ..models import Model
from .catalogue.models import name_in_database
from .codes import Fault, postgresql_fault, sqlite_fault
from .properties import Properties

_CONDITIONS: Mapping[Fault, Condition] = {
    Fault.RETRY: Condition.BUSY,
    Fault.STATEMENT_LOST: Condition.BUSY,
    Fault.LOCKED: Condition.BUSY,
    Fault.BUSY: Condition.BUSY,
    Fault.DISCONNECTED: Condition.DOWN,
    Fault.FULL: Condition.FULL,
    Fault.READ_ONLY: Condition.READ_ONLY,
    Fault.DENIED: Condition.DENIED,
    Fault.BROKEN: Condition.BROKEN,
    Fault.NO_KEY_LEFT: Condition.NO_KEY_LEFT,
}
MESSAGE = "message"
"""The key of the info of a CHECK constraint: the message of a response about a violation."""
_UNDEFINED = {"42P01", "42703"}
"""SQLSTATEs of an undefined table or column. Without a privilege, they look undefined too."""
_UNDEFINED_ON_SQLITE = re.compile("no such (table|column): |table .+ has no column named ")
_FOREIGN_KEY_FAILED = "FOREIGN KEY constraint failed"
_NOT_OF_POSTGRESQL = object()
_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]


def classify(error: BaseException) -> Fault:
    """Return why a statement failed, by the error code of the driver's exception."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        if code == sqlite3.SQLITE_CONSTRAINT_TRIGGER and str(error) == _FOREIGN_KEY_FAILED:
            return Fault.REFERENCE  # SQLite implements ON DELETE RESTRICT by internal triggers
        return sqlite_fault(code)
    state: Any = getattr(error, "sqlstate", _NOT_OF_POSTGRESQL)
    if state is _NOT_OF_POSTGRESQL:
        return Fault.BUG
    if state is None:
        # Errors of broken and failed connections have no SQLSTATE.
        kinds = {kind.__name__ for kind in type(error).__mro__}
        return Fault.DISCONNECTED if "OperationalError" in kinds else Fault.BUG
    return postgresql_fault(state)


def is_undefined(error: BaseException) -> bool:
    """Return whether a table or column of a statement does not exist."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return _UNDEFINED_ON_SQLITE.match(str(error)) is not None
    return getattr(error, "sqlstate", None) in _UNDEFINED


def cause_of(error: Exception) -> BaseException:
    """Return the driver error that an error of SQLAlchemy wraps, or the error itself."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def condition_of(error: Exception) -> Condition | None:
    """Return the condition of the database that caused an error; None for other causes."""
    if isinstance(error, Unavailable):
        return error.condition
    return _CONDITIONS.get(classify(cause_of(error)))


def reason_of(error: Exception) -> str:
    """Return the database's message in one line, for the log. It must not be sent to clients."""
    if isinstance(error, Unavailable):
        return error.reason
    cause = cause_of(error)
    lines = (_diagnostic_field(cause, "message_primary") or str(cause)).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def http_error(
    error: Exception,
    properties: Properties | None = None,
    *,
    deleted: Sequence[str | int] | None = None,
) -> Exception:
    """Return the HTTP error for a driver error; return other errors unchanged.

    With `properties`, it names those of a violated constraint. For a DELETE, `deleted` is the
    location of the key in the request: SQLite does not report which side of a reference failed.
    """
    if isinstance(error, Referenced):
        return error.at(deleted)
    cause = cause_of(error)
    match classify(cause):
        case Fault.UNIQUE:
            return Conflict(_violated_column_names(_unique_columns, cause, properties))
        case Fault.REFERENCE | Fault.REFERENCED:
            return _reference_error(error, properties, deleted)
        case Fault.VALUE:
            return _rejected_value_error(cause, properties, deleted)
        case fault if fault in _CONDITIONS:
            return Unavailable(_CONDITIONS[fault], reason_of(error))
        case _:
            return error


def _rejected_value_error(
    error: BaseException, properties: Properties | None, deleted: Sequence[str | int] | None
) -> Exception:
    if deleted is not None and is_check_violation(error):
        # ON DELETE SET NULL changes rows of other tables.
        return Referenced(deleted, ["A row that refers to it would violate a rule"])
    properties = properties or _table_with_rule(error)
    rule = None if properties is None else violated_check(error, properties.table)
    if rule is not None and properties is not None and MESSAGE in rule.info:
        columns = columns_of_check(rule, properties.table)
        return RuleViolated([([*map(properties.json_name_of, columns)], rule.info[MESSAGE])])
    return Refused(_violated_column_names(_columns_in_violation, error, properties))


def _is_from_delete(error: Exception) -> bool:
    """Return whether SQLAlchemy raised an error for a DELETE, such as that of a session."""
    statement = getattr(error, "statement", None)
    return isinstance(statement, str) and statement.lstrip().upper().startswith("DELETE")


def _reference_error(
    raised: Exception, properties: Properties | None, deleted: Sequence[str | int] | None
) -> Exception:
    error = cause_of(raised)
    is_delete = deleted is not None or (properties is None and _is_from_delete(raised))
    if is_delete or classify(error) is Fault.REFERENCED:
        return Referenced(deleted)
    if properties is None:
        return MissingTarget({})
    references = properties.table.foreign_key_constraints
    if not references:
        return Referenced()  # without foreign keys, only other rows can refer to this one
    if _diagnostic_field(error, "table_name") not in {None, properties.table.name}:
        return Referenced()
    named = violated_foreign_key(error, properties.table)
    found = [rule for rule in references if isinstance(error, sqlite3.Error) or rule is named]
    if len(found) != 1:
        return MissingTarget({})
    words = properties.row_words(found[0].referred_table)
    return MissingTarget({properties.json_name_of(column): words for column in found[0].columns})


def violated_foreign_key(error: BaseException, table: Table) -> ForeignKeyConstraint | None:
    """Return the foreign key that PostgreSQL names in an error about `table`, if it has a model."""
    name, of = _diagnostic_field(error, "constraint_name"), _diagnostic_field(error, "table_name")
    other = None if of is None else table.metadata.tables.get(of)
    references = () if other is None else other.foreign_key_constraints
    return next((one for one in references if _name_in_database(one) == name), None)


def _name_in_database(rule: Any) -> str | None:
    """Return the name of a constraint on PostgreSQL, which has at most 63 bytes."""
    return None if rule.name is None else name_in_database(rule, _POSTGRESQL)


def _table_with_rule(error: BaseException) -> Properties | None:
    """Return the properties of the table that a violated rule is about, for any statement."""
    if is_check_violation(error):
        for model in _table_models(Model):
            rule = violated_check(error, model.__table__)  # type: ignore[attr-defined]
            if rule is not None and MESSAGE in rule.info:
                return Properties(model, model)
    return None


def _table_models(base: type[Model]) -> Iterator[type[Model]]:
    for model in base.__subclasses__():
        if hasattr(model, "__table__"):
            yield model
        yield from _table_models(model)


def is_check_violation(error: BaseException) -> bool:
    """Return whether a row violates a CHECK constraint."""
    code = getattr(error, "sqlite_errorcode", None) or getattr(error, "sqlstate", None)
    return code in {sqlite3.SQLITE_CONSTRAINT_CHECK, "23514"}


def violated_check(error: BaseException, table: Table) -> CheckConstraint | None:
    """Return the CHECK constraint that a database names in an error about `table`."""
    checks = [rule for rule in table.constraints if isinstance(rule, CheckConstraint)]
    if isinstance(error, sqlite3.Error):
        names = {f"CHECK constraint failed: {rule.name}": rule for rule in checks}
        return names.get(str(error))
    if _diagnostic_field(error, "table_name") != table.name:
        return None
    name = _diagnostic_field(error, "constraint_name")
    return next((rule for rule in checks if _name_in_database(rule) == name), None)


def columns_of_check(rule: CheckConstraint, table: Table) -> list[Column[Any]]:
    """Return the columns of a CHECK constraint, in the order of the table."""
    names = {one.name for one in iterate(rule.sqltext) if isinstance(one, ColumnClause)}
    return [column for column in table.columns if column.name in names]


def _violated_column_names(
    find: Callable[[BaseException, Table], Iterable[Column[Any]]],
    error: BaseException,
    properties: Properties | None,
) -> list[str]:
    """Return the JSON names of the columns that `find` returns for an error."""
    if properties is None:
        return []
    return [properties.json_name_of(column) for column in find(error, properties.table)]


def _unique_columns(error: BaseException, table: Table) -> Iterable[Column[Any]]:
    if isinstance(error, sqlite3.Error):
        return _columns_in_message(error, table)
    name = _diagnostic_field(error, "constraint_name")
    uniques = [*table.indexes, *table.constraints]
    return next(
        (
            rule.columns
            for rule in uniques
            if isinstance(rule, Index | PrimaryKeyConstraint | UniqueConstraint)
            and _name_in_database(rule) == name
        ),
        (),
    )


def _columns_in_violation(error: BaseException, table: Table) -> Iterable[Column[Any]]:
    if isinstance(error, sqlite3.Error):
        return _columns_in_message(error, table)
    column_name = _diagnostic_field(error, "column_name")
    return [column for column in table.columns if column.name == column_name]


def _columns_in_message(error: sqlite3.Error, table: Table) -> list[Column[Any]]:
    """Return the columns in a message of SQLite, such as `UNIQUE constraint failed: hero.name`."""
    named = {f"{table.name}.{column.name}": column for column in table.columns}
    longest_first = sorted(map(re.escape, named), key=len, reverse=True)
    found = re.finditer(rf"(?<= )(?:{'|'.join(longest_first)})(?=, |$)", str(error))
    return [named[one[0]] for one in found]


def _diagnostic_field(error: BaseException, attribute: str) -> str | None:
    return getattr(getattr(error, "diag", None), attribute, None)
