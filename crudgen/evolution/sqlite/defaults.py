"""DEFAULT clauses of SQLite's columns. Reason to change: which columns get a default."""

from typing import Any

from sqlalchemy import Column as ModelColumn

from crudgen.evolution.changes import AddedColumn, ColumnChange
from crudgen.evolution.expressions import new_value_sql, value_literal
from crudgen.language.schema import Now

from .create_table import Clause
from .schema_copy import SchemaCopy


def default_of_added(
    added: AddedColumn, column: "ModelColumn[Any]", schema: SchemaCopy
) -> str | None:
    """Return the DEFAULT clause of a column that is added, or None.

    A required column gets one, which stays: so ALTER TABLE can add the column without a copy of
    the table, and servers of the version before, which do not know it, can still insert rows. The
    time of the change would be a wrong default for these rows.
    """
    is_needed = added.is_filled and not added.expected.nullable
    if not is_needed or isinstance(added.fill, Now):
        return None
    return f"DEFAULT {value_literal(added.fill, column, schema.dialect)}"


def converted_default(
    change: ColumnChange,
    clause: Clause,
    sql: str,
    column: "ModelColumn[Any]",
    schema: SchemaCopy,
) -> str | None:
    """Return the DEFAULT clause with its value converted as in rows; None if it becomes NULL.

    `sql` is the text of CREATE TABLE with the present clause.
    """
    first = clause.tokens[1]
    source = sql[first.start : clause.end]
    if first.kind == "group" or first.keyword.startswith("CURRENT_"):
        return f"DEFAULT ({new_value_sql(change, source, column, schema.dialect)})"
    new = new_value_sql(change, "value", column, schema.dialect)
    with schema.undo_after():
        schema.execute(
            f"CREATE TABLE _crudgen_default (value {change.found.type} DEFAULT {source})",
            "INSERT INTO _crudgen_default DEFAULT VALUES",
        )
        text = schema.value(f"SELECT quote({new}) FROM _crudgen_default")
    return None if text == "NULL" else f"DEFAULT {text}"
