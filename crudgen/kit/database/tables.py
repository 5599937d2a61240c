"""Tables at start: the missing ones are created, a differing one is reported column by column."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    MetaData,
    Table,
    create_engine,
    inspect,
    text,
)
from sqlalchemy.engine.reflection import ObjectKind, ObjectScope
from sqlalchemy.exc import DBAPIError

from ..errors import StartupError, UnreachableError
from .codes import Fault
from .faults import classify
from .secret import shared_secret

LOCK = 5_236_117_340
"""Key of the advisory lock that lets one process after another create tables on PostgreSQL."""
_SQL = text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
_TEMPORARY = text("SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()")


def prepare(engine: Engine, metadata: MetaData, *, where: str, needs_secret: bool) -> bytes:
    """Create missing tables and indexes, in one transaction; give the secret that is kept there.

    Raises UnreachableError when the database does not answer now, StartupError when it cannot be
    used or holds a table that differs.
    """
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            inspector = inspect(connection)
            names = {*inspector.get_table_names(), *inspector.get_view_names()}
            missing = [table for table in metadata.sorted_tables if table.name not in names]
            present = [table for table in metadata.sorted_tables if table.name in names]
            metadata.create_all(connection, missing, checkfirst=False)
            if present:
                _bring_up(connection, metadata, present)
            return shared_secret(connection) if needs_secret else b""
    except DBAPIError as error:
        if error.orig is None or (fault := classify(error.orig)) is Fault.BUG:
            raise
        reason = str(error.orig).strip().splitlines()[0]
        kind = (
            StartupError
            if fault in {Fault.BROKEN, Fault.DENIED, Fault.READ_ONLY}
            else UnreachableError
        )
        raise kind(f"database {where}: {reason}\n  is it running, and may you use it?") from None


def _bring_up(connection: Connection, metadata: MetaData, tables: Sequence[Table]) -> None:
    differences = list(_compare(connection, metadata, tables))
    if differences:
        raise StartupError(_report(differences))
    found = inspect(connection).get_multi_indexes(filter_names=[table.name for table in tables])
    names = {index["name"] for indexes in found.values() for index in indexes}
    for table in tables:
        for index in table.indexes:
            if index.name not in names:
                index.create(connection)


def _compare(connection: Connection, metadata: MetaData, tables: Sequence[Table]) -> Iterator[str]:
    """Say how tables of the database differ from `metadata`, a line for each difference.

    The tables that `metadata` would make are made for real, out of sight, and both are read back in
    the same way: no database prints a type or a rule as it was written.
    """
    if connection.dialect.name == "sqlite":
        scratch = create_engine("sqlite://")
        with scratch.begin() as inside:
            metadata.create_all(inside, tables)
            same = set(inside.execute(_SQL)) & set(connection.execute(_SQL))
            names = [table.name for table in tables if table.name not in {row.name for row in same}]
            wanted = _read(inside, names)
        scratch.dispose()
    else:
        names = [table.name for table in tables]
        with connection.begin_nested() as savepoint:
            copies = MetaData(naming_convention=metadata.naming_convention)
            for table in metadata.sorted_tables:
                table.to_metadata(copies, schema="pg_temp")
            copies.create_all(connection, checkfirst=False)
            wanted = _read(connection, names, connection.scalar(_TEMPORARY))
            savepoint.rollback()
    actual = _read(connection, names)
    for name in names:
        yield from _differences(name, actual[name], wanted[name])


def _read(
    connection: Connection, names: Sequence[str], schema: str | None = None
) -> dict[str, dict[str, str]]:
    """Describe each table as the database knows it: what → how."""
    if not names:
        return {}
    inspector = inspect(connection)
    chosen: Any = {
        "schema": schema,
        "filter_names": names,
        "kind": ObjectKind.ANY,
        "scope": ObjectScope.ANY,
    }
    columns = inspector.get_multi_columns(**chosen)
    keys = inspector.get_multi_pk_constraint(**chosen)
    uniques = inspector.get_multi_unique_constraints(**chosen)
    checks = inspector.get_multi_check_constraints(**chosen)
    read: dict[str, dict[str, str]] = {}
    for name in names:
        table, described = (schema, name), read.setdefault(name, {})
        for column in columns[table]:
            described[f"column {column['name']}"] = _column(connection, column)
        described["primary key"] = ", ".join(keys[table]["constrained_columns"])
        for unique in uniques[table]:
            described[f"unique ({', '.join(unique['column_names'])})"] = "unique"
        for check in checks[table]:
            described[f"check {check['name']}"] = check["sqltext"]
    if connection.dialect.name == "sqlite":
        for name, sql in connection.execute(_SQL):
            if name in read:
                never = "AUTOINCREMENT" in str(sql).upper()
                read[name]["ids"] = "never reused" if never else "may be reused"
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
