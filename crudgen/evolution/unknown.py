"""Tables that are not in the spec. Reason to change: what a plan says of them.

They are the user's, or what a removed entity has left. They are not compared with anything, so only
their columns and foreign keys are read.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from crudgen.kit.database.catalogue import ForeignKey

from .changes import DroppedTable
from .internal import is_internal
from .pairing import Pair, fold_of
from .statements import run

_SQLITE_COLUMNS = """
SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_xinfo(m.name) AS c
WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL %'
"""
_SQLITE_REFERENCES = """
SELECT m.name, f.id, '', f."from", f."table", f.on_delete
FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f
WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq
"""
_POSTGRESQL_COLUMNS = """
SELECT c.relname, a.attname FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = pg_catalog.current_schema() AND c.relkind IN ('r', 'p')
"""
_POSTGRESQL_REFERENCES = """
SELECT c.relname, f.oid, f.conname, a.attname, t.relname,
    CASE f.confdeltype WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'
        WHEN 'd' THEN 'SET DEFAULT' ELSE 'NO ACTION' END
FROM pg_catalog.pg_constraint AS f
JOIN pg_catalog.pg_class AS c ON c.oid = f.conrelid
JOIN pg_catalog.pg_class AS t ON t.oid = f.confrelid AND t.relnamespace = c.relnamespace
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(f.conkey) WITH ORDINALITY AS k (attnum, position)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
WHERE f.contype = 'f' AND n.nspname = pg_catalog.current_schema()
ORDER BY c.relname, f.oid, k.position
"""
_COLUMNS = {"sqlite": _SQLITE_COLUMNS, "postgresql": _POSTGRESQL_COLUMNS}
_REFERENCES = {"sqlite": _SQLITE_REFERENCES, "postgresql": _POSTGRESQL_REFERENCES}


@dataclass(slots=True)
class UnknownTable:
    """A table that is not in the spec."""

    name: str
    columns: list[str] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)


def unknown_tables(
    connection: Connection,
    kinds: Mapping[str, str],
    pairs: Iterable[Pair],
    dropped: Collection[DroppedTable],
) -> list[UnknownTable]:
    """Return the tables that are not in the spec and are kept, sorted by name.

    `kinds` has the kind of each object by its name.
    """
    known = {name.lower() for one in pairs for name in _names_of_pair(one)}
    known |= {one.found.name.lower() for one in dropped}
    found = {
        name: UnknownTable(name)
        for name, kind in sorted(kinds.items())
        if kind == "table" and name.lower() not in known and not is_internal(name)
    }
    if found:
        _read_tables(connection, found)
    return list(found.values())


def _names_of_pair(pair: Pair) -> Iterable[str]:
    yield pair.expected.name
    if pair.found is not None:
        yield pair.found.name


def _read_tables(connection: Connection, tables: Mapping[str, UnknownTable]) -> None:
    """Read the columns and foreign keys of tables."""
    dialect = connection.dialect.name
    fold = fold_of(dialect)
    by_name = {fold(name): one for name, one in tables.items()}
    for name, column in run(connection, _COLUMNS[dialect]):
        if fold(name) in by_name:
            by_name[fold(name)].columns.append(column)
    keys: dict[tuple[str, int], ForeignKey] = {}
    for name, number, key, column, target, on_delete in run(connection, _REFERENCES[dialect]):
        former = keys.get((name, number))
        columns = (*(former.columns if former else ()), column)
        keys[name, number] = ForeignKey(key or None, columns, target, (), on_delete)
    for (name, _), reference in keys.items():
        if fold(name) in by_name:
            by_name[fold(name)].foreign_keys.append(reference)
