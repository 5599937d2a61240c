"""The SQL statements that read and write single rows of a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ..database.returning import may_have_effects, returning_expressions
from ..database.statements import COLUMNS, DIAGNOSIS, RULES
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
        self.returned = (*json_rows.returned, *key)
        """The expressions for RETURNING: those of the JSON encoder, then the key."""
        same_key = primary_key == bindparam("key__")
        found = (same_key, *columns.visible(kind))
        self.read = select(*json_rows.selected).where(*found)
        self.lock = self.read.with_for_update(key_share=True)
        """Locks a row against other changes, but lets new rows refer to it."""
        self.lock_to_delete = self.read.with_for_update()
        rules = [one.info[RULES] for one in table.constraints if RULES in one.info]
        if rules:
            other = options.get(DIAGNOSIS)
            options[DIAGNOSIS] = rules[0](columns.properties, other)
        self.options: dict[str, Any] = {COLUMNS: by_attribute, **options}
        """The execution options of an INSERT or UPDATE."""
        self.insert = insert(table).returning(*self.returned).execution_options(**self.options)
        changed = update(table).where(*found).returning(*self.returned)
        self.update = changed.execution_options(**self.options)
        deleted = delete(table).where(*found).returning(*key)
        self.delete = deleted.execution_options(**options)
