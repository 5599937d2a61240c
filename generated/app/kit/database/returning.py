"""The rows of RETURNING, and reading a row back if RETURNING does not return its final state.

An AFTER trigger or a foreign key's ON UPDATE action can change a row after RETURNING has returned
it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import HTTPException
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Float,
    Table,
    UnaryExpression,
    literal_column,
    type_coerce,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.operators import custom_op

from ..errors import problem
from .statements import Prepared, Values

Row = tuple[Any, ...]
_PLUS: Any = custom_op("+")
_EFFECTS = """(
    SELECT c.relhasrules OR c.relhastriggers AND EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = c.oid
        AND (NOT t.tgisinternal OR t.tgfoid IN (1647, 1651, 1653))
    )
    FROM pg_catalog.pg_class AS c WHERE c.oid = {row}
)"""
"""The numbers are the OIDs of the trigger functions of ON UPDATE CASCADE, SET NULL, SET DEFAULT."""


def row_discarded_error() -> HTTPException:
    """Return the HTTPException 409 for a written row that does not exist afterwards."""
    message = "A trigger or rule discarded the row"
    return HTTPException(409, [problem("not_kept", ["body"], message)])


def deletion_prevented_error() -> HTTPException:
    """Return the HTTPException 409 for a deleted row that still exists."""
    message = "A trigger or rule prevented the deletion"
    return HTTPException(409, [problem("kept", ["path"], message)])


def keys_to_read(prepared: Prepared, returned: Sequence[Row], bound: Values) -> Iterator[Any]:
    """Yield the keys of the rows to read back.

    If no row was returned, yield the key of the statement: a trigger may have prevented it.
    """
    if prepared.has_key and not returned:
        yield bound["key__"]
    for row in returned:
        yield row[-1]


def final_rows(
    prepared: Prepared, key: Any, returned: Sequence[Row], selected: Sequence[Row]
) -> Sequence[Row]:
    """Return the final row with this key, if any: as selected after the change, else as returned.

    Raises HTTPException 409 if a written row does not exist, or a deleted row still exists.
    """
    if prepared.deletes:
        if selected:
            raise deletion_prevented_error()
        return returned
    if returned and not selected:
        raise row_discarded_error()
    return [(*row, key) for row in selected]


def returning_expressions(
    columns: Sequence[ColumnElement[Any]], kind: str
) -> tuple[ColumnElement[Any], ...]:
    """Return expressions for RETURNING that preserve the type of the stored values.

    RETURNING of SQLite 3.38 to 3.40 returns some integers as floats, depending on the type of the
    first column. `+column` returns the stored value in every version.
    """
    return tuple(
        column
        if kind != "sqlite" or isinstance(column.type, Float)
        else type_coerce(UnaryExpression(column, operator=_PLUS), column.type)
        for column in columns
    )


def may_have_effects(table: Table) -> ColumnElement[bool]:
    """Return an expression on PostgreSQL: whether triggers or rules may change a returned row."""
    dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
    name = dialect.identifier_preparer.format_table(table)
    return literal_column(_EFFECTS.format(row=f"{name}.tableoid"), Boolean())
