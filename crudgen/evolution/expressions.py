"""SQL expressions for the values of changed columns. Reason to change: how a value is written.

The same expressions count problems and convert values: a row without a problem does not fail.
"""

import json
from typing import Any

from sqlalchemy import JSON, Column, Date, Dialect, LargeBinary, Time
from sqlalchemy import literal as bound_literal

from crudgen.language.schema import Now

from .changes import ColumnChange

_NOW = {
    "sqlite": {
        "date": "strftime('%Y-%m-%d', 'now')",
        "time": "strftime('%H:%M:%f000', 'now')",
        "datetime": "strftime('%Y-%m-%d %H:%M:%f000', 'now')",
    },
    "postgresql": {
        "date": "CAST(CURRENT_TIMESTAMP AT TIME ZONE 'UTC' AS date)",
        "time": "CAST(CURRENT_TIMESTAMP AT TIME ZONE 'UTC' AS time)",
        "datetime": "CURRENT_TIMESTAMP",
    },
}
_BYTES = {"sqlite": "X'{}'", "postgresql": "'\\x{}'::bytea"}


def text_literal(text: str) -> str:
    """Return text as a literal, for both databases."""
    return "'" + text.replace("'", "''") + "'"


def value_literal(value: object, column: "Column[Any]", dialect: Dialect) -> str:
    """Return a value in Python as SQL, in the form in which a column of the models stores it."""
    if isinstance(value, Now):
        kinds = _NOW[dialect.name]
        if isinstance(column.type, Date):
            return kinds["date"]
        return kinds["time" if isinstance(column.type, Time) else "datetime"]
    if value is None:
        return "NULL"
    if isinstance(value, bytes) and isinstance(column.type, LargeBinary):
        return _BYTES[dialect.name].format(value.hex())
    if isinstance(getattr(column.type, "impl", None), JSON):
        return text_literal(json.dumps(value))
    compiled = bound_literal(value, column.type).compile(
        dialect=dialect, compile_kwargs={"literal_binds": True}
    )
    text = str(compiled)
    return text.replace("%%", "%") if dialect.name == "postgresql" else text


def new_value_sql(change: ColumnChange, value: str, column: "Column[Any]", dialect: Dialect) -> str:
    """Return the new value of a column as SQL; `value` is SQL for its live one.

    PostgreSQL may raise an error if it evaluates this for a value that cannot be converted.
    """
    sql = value
    if change.words:
        whens = " ".join(
            f"WHEN {text_literal(old)} THEN {text_literal(new)}"
            for old, new in change.words.items()
        )
        sql = f"CASE {sql} {whens} ELSE {sql} END"
    sql = change.conversion.expression.replace("{value}", sql)
    if change.fill is not None:
        sql = f"coalesce({sql}, {value_literal(change.fill, column, dialect)})"
    return sql


def survival_condition(change: ColumnChange, value: str) -> str | None:
    """Return a condition that is true for values that can be converted; None if all can."""
    condition = change.conversion.survives
    return None if condition is None else condition.replace("{value}", value)
