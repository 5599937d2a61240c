"""The rows of all tables of an application, replaced and compared with few statements."""

# ruff: noqa: S608 -- names of tables and columns are quoted

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from sqlalchemy import Engine, MetaData, Table, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from tests.startup.started import Application

Row = Mapping[str, Any]
INTERNAL = frozenset({"_secret"})
"""Tables that keep what they have."""
KEY = 1000
"""The generated keys of new rows follow this one."""


class Tables:
    """Stores rows, keeps copies of what is stored, and restores them.

    The connection does not check references on SQLite.
    """

    def __init__(self, engine: Engine, connection: Any, metadata: MetaData) -> None:
        self._engine, self._connection = engine, connection
        self.tables: Mapping[str, Table] = metadata.tables
        self._sorted = [one for one in metadata.sorted_tables if one.name not in INTERNAL]
        self.check_references = engine.dialect.name != "sqlite"
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._stored = self._comparison()
        self._copies = 0

    def store(self, rows: Mapping[str, Sequence[Row]]) -> None:
        """Replace all rows by these, by the name of their table."""
        with self._engine.begin() as connection:
            if self._is_sqlite:
                connection.execute(text("PRAGMA synchronous = OFF"))
            else:  # rows can refer to later ones
                connection.execute(text("SET LOCAL session_replication_role = replica"))
            for table in reversed(self._sorted):
                connection.execute(table.delete())
            for table in self._sorted:
                if rows.get(table.name):
                    connection.execute(table.insert(), [*rows[table.name]])
            for statement in self._sequences():
                connection.execute(text(statement))

    def keep(self) -> str:
        """Copy all rows; return the statements that restore them."""
        self._copies += 1
        copies = {one.name: f"_kept_{self._copies}_{one.name}" for one in self._sorted}
        for one, to in copies.items():
            self._run(f'CREATE TEMPORARY TABLE "{to}" AS SELECT * FROM "{one}"')
        statements = [f'DELETE FROM "{one}"' for one in reversed(copies)]
        statements += [f'INSERT INTO "{one}" SELECT * FROM "{to}"' for one, to in copies.items()]
        return ";".join(["BEGIN", *statements, *self._sequences(), "COMMIT"])

    def restore(self, statements: str) -> None:
        """Restore the rows that `keep` copied."""
        self._run(statements)

    def delete(self, name: str, keys: Sequence[int]) -> None:
        """Delete rows by their keys."""
        table = self.tables[name]
        with self._engine.begin() as connection:
            connection.execute(table.delete().where(table.c.id.in_(keys)))

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a table."""
        table = self.tables[name]
        with self._engine.connect() as connection:
            return [dict(one) for one in connection.execute(table.select()).mappings()]

    def stored(self) -> Sequence[Any]:
        """Return what is stored in each table, as text, apart from stored responses."""
        found: Sequence[Any] = self._connection.execute(self._stored).fetchone()
        return found

    def _run(self, statements: str) -> None:
        run = self._connection.executescript if self._is_sqlite else self._connection.execute
        run(statements)

    def _sequences(self) -> Sequence[str]:
        if self._is_sqlite:
            counted = "FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'"
            return [
                "DELETE FROM sqlite_sequence",
                f"INSERT INTO sqlite_sequence SELECT name, {KEY} {counted}",
            ]
        return [  # there is no sequence of keys that are not generated, and this does nothing
            f"SELECT setval(pg_get_serial_sequence('\"{one.name}\"', 'id'), {KEY})"
            for one in self._sorted
            if "id" in one.c
        ]

    def _comparison(self) -> str:
        parts = []
        for table in self._sorted:
            if table.name.startswith("_"):
                continue
            one = f'"{table.name}"'
            if self._is_sqlite:
                values = " || ',' || ".join(f'quote("{column.name}")' for column in table.columns)
                rows = f"SELECT {values} AS it FROM {one} ORDER BY 1"
                parts.append(f"(SELECT group_concat(it, ';') FROM ({rows}))")
            else:
                row = f"{one}::text"
                parts.append(f"(SELECT string_agg({row}, ';' ORDER BY {row}) FROM {one})")
        return f"SELECT {', '.join(parts)}"


@contextmanager
def tables_of(
    application: Application, database: str, metadata: MetaData | None = None
) -> Iterator[Tables]:
    """Yield the tables of an application that has started; `metadata` are those of its models."""
    if database.startswith("sqlite"):
        engine = create_engine(database, poolclass=NullPool)
        connection: Any = sqlite3.connect(make_url(database).database or "", isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")
        found = _reflected(engine, metadata)
        with closing(connection):
            yield Tables(engine, connection, found)
    else:
        url = make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
        with (
            application.connected(database) as engine,
            psycopg.connect(url, autocommit=True) as connection,
        ):
            yield Tables(engine, connection, _reflected(engine, metadata))


def _reflected(engine: Engine, metadata: MetaData | None) -> MetaData:
    if metadata is None:
        metadata = MetaData()
        metadata.reflect(engine)
    return metadata
