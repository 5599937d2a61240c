"""The version of the tables of a database. Reason to change: what a catalogue says of changes.

Reading it is much cheaper than a plan.
"""

from sqlalchemy import Connection

from .statements import run

_POSTGRESQL = """
WITH tables AS (
    SELECT oid, xmin FROM pg_catalog.pg_class
    WHERE relnamespace = (
        SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = pg_catalog.current_schema()
    )
), rows AS (
    SELECT 'table', oid, 0, xmin::text FROM tables
    UNION ALL
    SELECT 'column', attrelid, attnum, a.xmin::text
    FROM pg_catalog.pg_attribute AS a JOIN tables ON tables.oid = attrelid
    UNION ALL
    SELECT 'constraint', c.oid, 0, c.xmin::text
    FROM pg_catalog.pg_constraint AS c JOIN tables ON tables.oid = conrelid
    UNION ALL
    SELECT 'index', indexrelid, 0, i.xmin::text
    FROM pg_catalog.pg_index AS i JOIN tables ON tables.oid = indrelid
)
SELECT pg_catalog.md5(pg_catalog.string_agg(rows::text, '' ORDER BY rows)) FROM rows
"""
"""Every change of a row of the catalogue gives it another xmin."""
_STATEMENTS = {"sqlite": "PRAGMA schema_version", "postgresql": _POSTGRESQL}


def tables_version(connection: Connection) -> str:
    """Return a text that is another one after a change of tables, columns, rules or indexes."""
    return str(run(connection, _STATEMENTS[connection.dialect.name]).scalar_one())
