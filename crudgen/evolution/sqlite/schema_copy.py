"""An empty copy of a SQLite database in memory. Reason to change: what SQLite stores of a schema.

Statements run here first: SQLite rewrites triggers, views and foreign keys when something is
renamed, and a plan contains statements with the result.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, text

from crudgen.kit.database.catalogue import TableDefinition, read_tables
from crudgen.kit.database.catalogue.explain import quoted

_OBJECTS = "SELECT type, name, tbl_name AS on_table, sql FROM sqlite_master ORDER BY rowid"
_ORDER = ("table", "index", "view", "trigger")


@dataclass(frozen=True, slots=True)
class SchemaObject:
    """A table, index, view or trigger, in the words of the database."""

    type: str
    name: str
    on_table: str
    sql: str


class SchemaCopy:
    """The schema of a database without its rows. Raises sqlite3.Error if it cannot be copied."""

    def __init__(self, connection: Connection) -> None:
        rows = connection.execute(text(_OBJECTS))
        found = [SchemaObject(*row) for row in rows if row.sql is not None]
        engine = create_engine("sqlite://", poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._connection = engine.connect()
        self.dialect = engine.dialect
        raw: Any = self._connection.connection.driver_connection
        self._raw: sqlite3.Connection = raw
        self.has_statistics = any(one.name == "sqlite_stat1" for one in found)
        """Whether the planner has statistics."""
        for kind in _ORDER:
            for one in found:
                if one.type == kind and not one.name.lower().startswith("sqlite_"):
                    self._create_object(one)

    def close(self) -> None:
        """Delete the copy."""
        self._connection.close()

    def _create_object(self, one: SchemaObject) -> None:
        try:
            self._raw.execute(one.sql)
        except sqlite3.OperationalError:
            # A virtual table needs its module, and creates tables of its own.
            if not _is_virtual(one) and one.name.lower() not in self.names:
                raise

    def execute(self, *statements: str) -> None:
        """Run statements. Raises sqlite3.Error."""
        for statement in statements:
            self._raw.execute(statement)

    def value(self, select: str) -> Any:
        """Return the only value that a SELECT returns."""
        return self._raw.execute(select).fetchone()[0]

    @property
    def objects(self) -> list[SchemaObject]:
        """All objects, without the indexes of constraints."""
        rows = self._raw.execute(_OBJECTS).fetchall()
        return [SchemaObject(*row) for row in rows if row[3] is not None]

    @property
    def names(self) -> Mapping[str, SchemaObject]:
        """All objects by their names in lower case. A trigger may have the name of another."""
        return {one.name.lower(): one for one in self.objects if one.type != "trigger"}

    def table(self, name: str) -> TableDefinition:
        """Return the definition of a table."""
        return read_tables(self._connection, [name])[name]

    def objects_of(self, table: str, kind: str) -> list[SchemaObject]:
        """Return the indexes or triggers of a table, without those of constraints."""
        folded = table.lower()
        return [one for one in self.objects if one.type == kind and one.on_table.lower() == folded]

    @contextmanager
    def undo_after(self) -> Iterator[None]:
        """Undo what the block does, at its end."""
        self._raw.execute("SAVEPOINT trial")
        try:
            yield
        finally:
            self._raw.execute("ROLLBACK TO trial")
            self._raw.execute("RELEASE trial")

    def broken_views(self) -> dict[str, str]:
        """Return SQLite's message for each view that cannot be read."""
        broken = {}
        for one in self.objects:
            if one.type == "view":
                try:
                    self._raw.execute(f"SELECT * FROM {quoted(one.name)} LIMIT 0")
                except sqlite3.Error as error:
                    broken[one.name] = str(error)
        return broken

    def broken_trigger(self) -> str:
        """Return SQLite's message for a trigger or view with an unknown name, or nothing.

        SQLite looks up the names in all of them when a column is renamed.
        """
        with self.undo_after():
            self._raw.execute("CREATE TABLE _crudgen_renamed (former)")
            try:
                self._raw.execute("ALTER TABLE _crudgen_renamed RENAME COLUMN former TO latter")
            except sqlite3.Error as error:
                return str(error)
        return ""

    def broken_foreign_key(self) -> str:
        """Return SQLite's message for a foreign key without a unique target, or nothing."""
        try:
            self._raw.execute("PRAGMA foreign_key_check").fetchall()
        except sqlite3.Error as error:
            return str(error)
        return ""


def _is_virtual(one: SchemaObject) -> bool:
    return one.sql.startswith("CREATE VIRTUAL TABLE ")
