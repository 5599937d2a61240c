"""The SQL statements that read and write single rows of a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, insert, null, select, type_coerce, update
from sqlalchemy.dialects import postgresql, sqlite

from ..database.returning import may_have_effects, returning_expressions
from ..database.statements import COLUMNS, DIAGNOSIS, REREAD, RULES
from ..query.columns import Columns

INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""The insert constructs of each dialect, which support ON CONFLICT."""


class RowStatements:
    """The statements of one table in one dialect, built once, and the JSON encoder of its rows."""

    def __init__(self, columns: Columns, kind: str, **options: Any) -> None:
        """`options` are execution options of the statements that write."""
        table, by_attribute = columns.properties.table, columns.properties.columns
        json_rows = columns.json_rows(kind)
        self.rows = json_rows.encoder
        primary_key = by_attribute[columns.key]
        key: Sequence[ColumnElement[Any]] = returning_expressions([primary_key], kind)
        if kind == "postgresql":
            key = [*key, may_have_effects(table)]
        self.rereads = columns.properties.reads_others
        """Whether a written row is read again, because a property depends on other rows."""
        row = map(_null_like, json_rows.returned) if self.rereads else json_rows.returned
        self.returned = (*row, *key)
        """The expressions for RETURNING: those of the JSON encoder, then the key."""
        same_key = primary_key == bindparam("key__")
        found = (same_key, *columns.visible(kind))
        self.read = select(*json_rows.selected).where(*found)
        self.lock = self.read.with_for_update(key_share=True)
        """Locks a row against changes, but lets other transactions insert references to it."""
        self.lock_to_delete = self.read.with_for_update()
        rules = [one.info[RULES] for one in table.constraints if RULES in one.info]
        if rules:
            other = options.get(DIAGNOSIS)
            options[DIAGNOSIS] = rules[0](columns.properties, other)
        again: dict[str, Any] = {REREAD: True} if self.rereads else {}
        self.options: dict[str, Any] = {COLUMNS: by_attribute, **options, **again}
        """The execution options of an INSERT or UPDATE."""
        self.insert = insert(table).returning(*self.returned).execution_options(**self.options)
        changed = update(table).where(*found).returning(*self.returned)
        self.update = changed.execution_options(**self.options)
        deleted = delete(table).where(*found).returning(*key)
        self.delete = deleted.execution_options(**options)


def _null_like(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return null with the type of a column, in place of a value that is read again."""
    return type_coerce(null(), column.type)
