"""A lock that serializes writes of several unique values, to avoid deadlocks.

Two transactions that write the same unique values in different orders would wait for each other.
The lock is a row in a table of its own.
"""

from sqlalchemy import Column, MetaData, String, Table
from sqlalchemy.dialects.postgresql import insert

from ..database import Change

_NAME = "_write_lock"


class WriteLock:
    """The lock of one table. It is held until the end of the transaction."""

    def __init__(self, metadata: MetaData, name: str) -> None:
        table = metadata.tables.get(_NAME)
        if table is None:
            table = Table(_NAME, metadata, Column("table_name", String, primary_key=True))
        new = insert(table)
        statement = new.on_conflict_do_update(
            index_elements=[table.c.table_name],
            set_={"table_name": new.excluded.table_name},
        ).returning(table.c.table_name)
        self.take = Change(statement, {"table_name": name}, ("table_name",))
        """Takes the lock, and creates its row if it is missing."""
