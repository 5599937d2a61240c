"""Tables at start: the missing ones are created, a differing one is reported column by column."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Inspector,
    MetaData,
    Table,
    create_engine,
    inspect,
    text,
)
from sqlalchemy.exc import DBAPIError

from ..errors import StartupError
from .faults import Fault, classify

LOCK = 5_236_117_340
"""Key of the advisory lock that lets one process after another create tables on PostgreSQL."""


def prepare(engine: Engine, metadata: MetaData) -> None:
    """Create missing tables and indexes, in one transaction.

    Raises StartupError when the database cannot be reached, or holds a table that differs.
    """
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            metadata.create_all(connection)
            differences = list(compare(connection, metadata))
            if differences:
                raise StartupError(_report(differences))
            for table in metadata.sorted_tables:
                for index in table.indexes:
                    index.create(connection, checkfirst=True)
    except DBAPIError as error:
        if error.orig is None or classify(error.orig) is Fault.BUG:
            raise
        where = engine.url.render_as_string(hide_password=True)
        reason = str(error.orig).strip().splitlines()[0]
        raise StartupError(
            f"database {where}: {reason}\n  is it running, and may you use it?"
        ) from None


def compare(connection: Connection, metadata: MetaData) -> Iterator[str]:
    """Say how the tables of the database differ from `metadata`, a line for each difference.

    The tables that `metadata` would make are made for real, out of sight, and both are read back in
    the same way: no database prints a type or a rule as it was written.
    """
    actual = {table.name: _read(connection, table, None) for table in metadata.sorted_tables}
    for name, wanted in _wanted(connection, metadata).items():
        yield from _differences(name, actual[name], wanted)


def _wanted(connection: Connection, metadata: MetaData) -> dict[str, dict[str, str]]:
    if connection.dialect.name == "sqlite":
        scratch = create_engine("sqlite://")
        with scratch.begin() as inside:
            metadata.create_all(inside)
            found = {table.name: _read(inside, table, None) for table in metadata.sorted_tables}
        scratch.dispose()
        return found
    savepoint = connection.begin_nested()
    copies = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        table.to_metadata(copies, schema="pg_temp")
    copies.create_all(connection, checkfirst=False)
    schema = connection.scalar(
        text("SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()")
    )
    found = {table.name: _read(connection, table, schema) for table in copies.sorted_tables}
    savepoint.rollback()
    return found


def _read(connection: Connection, table: Table, schema: str | None) -> dict[str, str]:
    """Describe a table as the database knows it: what → how."""
    inspector: Inspector = inspect(connection)
    name = table.name
    read: dict[str, str] = {}
    for column in inspector.get_columns(name, schema):
        read[f"column {column['name']}"] = _column(connection, column)
    key = inspector.get_pk_constraint(name, schema)["constrained_columns"]
    read["primary key"] = ", ".join(key)
    for unique in inspector.get_unique_constraints(name, schema):
        read[f"unique ({', '.join(unique['column_names'])})"] = "unique"
    for check in inspector.get_check_constraints(name, schema):
        read[f"check {check['name']}"] = check["sqltext"]
    if connection.dialect.name == "sqlite":
        sql = connection.scalar(
            text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"),
            {"name": name},
        )
        read["ids"] = "never reused" if "AUTOINCREMENT" in str(sql).upper() else "may be reused"
    return read


def _column(connection: Connection, column: Any) -> str:
    kind = column["type"].compile(connection.dialect)
    return kind if column["nullable"] else f"{kind} NOT NULL"


def _differences(table: str, actual: dict[str, str], wanted: dict[str, str]) -> Iterator[str]:
    for what in dict.fromkeys([*wanted, *actual]):
        here, there = actual.get(what), wanted.get(what)
        if here == there:
            continue
        if here is None:
            yield f"table {table}: {what}: missing in the database, {there} in the models"
        elif there is None:
            yield f"table {table}: {what}: {here} in the database, missing in the models"
        else:
            yield f"table {table}: {what}: {here} in the database, {there} in the models"


def _report(differences: list[str]) -> str:
    return "\n".join(
        [
            "the database has tables that differ from the models",
            *(f"  {difference}" for difference in differences),
            "  Existing tables are never changed: there are no migrations in this version.",
            "  Change the tables by hand, undo the change of the models, or start with an empty",
            "  database: another DATABASE_URL, such as sqlite:///other.db.",
        ]
    )
