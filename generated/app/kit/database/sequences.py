"""Sequences of generated keys: how to advance one that lags behind, and to detect an exhausted one.

A PostgreSQL sequence lags behind if rows were inserted with explicit keys. SQLite's AUTOINCREMENT
uses the largest key.
"""

import sqlite3

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    String,
    TextualSelect,
    bindparam,
    text,
)
from sqlalchemy.dialects import postgresql

from ..errors import Condition, Unavailable

MAX_SMALL_LAG = 1000
"""A lag up to this is closed by nextval, which cannot set a sequence back."""
MAX_NEXTVAL_CALLS = 20_000
"""Most calls of nextval, where the role may not call setval."""

_LOOKUP = """
SELECT
    EXISTS (
        SELECT FROM pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
        WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indnkeyatts = 1
            AND i.indkey[0] = a.attnum AND c.relname = :rule
    ) AS is_key,
    CAST(s.id AS bigint) AS sequence,
    CAST(CAST(s.id AS regclass) AS text) AS name,
    has_sequence_privilege(s.id, 'UPDATE') AS may_set
FROM pg_catalog.pg_attribute AS a
LEFT JOIN LATERAL (
    SELECT d.refobjid AS id FROM pg_catalog.pg_attrdef AS f
    JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = f.oid
    JOIN pg_catalog.pg_class AS c
        ON d.refclassid = 'pg_catalog.pg_class'::regclass AND c.oid = d.refobjid
    WHERE f.adrelid = a.attrelid AND f.adnum = a.attnum AND c.relkind = 'S'
    UNION ALL
    SELECT d.objid FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_class AS c ON c.oid = d.objid AND c.relkind = 'S'
    WHERE d.classid = 'pg_catalog.pg_class'::regclass
        AND d.refclassid = 'pg_catalog.pg_class'::regclass
        AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND d.deptype = 'i'
    LIMIT 1
) AS s ON true
WHERE a.attrelid = CAST({table_text} AS regclass) AND a.attname = {column_text}
"""
_ADVANCE = """
WITH RECURSIVE counter AS MATERIALIZED (
    SELECT
        CAST(s.seqrelid AS regclass) AS id, s.seqincrement AS step, s.seqcache > 1 AS is_cached,
        s.seqmin, s.seqmax,
        CASE WHEN s.seqincrement > 0
            THEN (SELECT max({column}) FROM {table})
            ELSE (SELECT min({column}) FROM {table})
        END AS last_key,
        CAST(coalesce(
            CASE WHEN has_sequence_privilege(s.seqrelid, 'USAGE,SELECT')
                THEN pg_sequence_last_value(s.seqrelid) END,
            s.seqstart - s.seqincrement
        ) AS numeric) AS last_value
    FROM pg_catalog.pg_sequence AS s WHERE s.seqrelid = CAST(:sequence AS oid)
), lag AS MATERIALIZED (
    SELECT counter.*, floor((last_key - last_value) / step) AS numbers FROM counter
), taken (value, count) AS (
    SELECT nextval(id), 1 FROM lag
    WHERE numbers <= {few} AND (numbers > 0 OR is_cached)
        OR numbers > 0 AND NOT CAST(:may_set AS boolean)
    UNION ALL
    SELECT nextval(lag.id), count + 1 FROM taken, lag
    WHERE (last_key - CAST(value AS numeric)) / step >= 1 AND count < {most}
), jumped AS MATERIALIZED (
    SELECT setval(id, CAST(
        greatest(seqmin, least(seqmax, last_value + numbers * step)) AS bigint
    )) AS value
    FROM lag WHERE numbers > {few} AND CAST(:may_set AS boolean)
)
SELECT coalesce((SELECT value FROM jumped), (SELECT value FROM taken ORDER BY count DESC LIMIT 1))
    AS value
"""


def sequence_statement(key: Column[int]) -> TextualSelect:
    """Return the statement that finds the sequence of a key on PostgreSQL.

    It returns whether the unique constraint `rule` is that of the key, the OID and the name of the
    sequence, and whether the role may call setval.
    """
    statement = text(_LOOKUP.format(**_quoted_names(key))).bindparams(
        bindparam("rule", type_=String())
    )
    return statement.columns(
        is_key=Boolean(), sequence=BigInteger(), name=String(), may_set=Boolean()
    )


def advance_statement(key: Column[int]) -> TextualSelect:
    """Return the statement that advances a PostgreSQL sequence past the keys of all rows.

    A small lag is closed by nextval, like concurrent inserts do. A large lag, which concurrent
    inserts cannot close meanwhile, is closed by setval. Values in its cache are skipped.
    """
    statement = text(
        _ADVANCE.format(**_quoted_names(key), few=MAX_SMALL_LAG, most=MAX_NEXTVAL_CALLS)
    ).bindparams(bindparam("sequence", type_=BigInteger()), bindparam("may_set", type_=Boolean()))
    return statement.columns(value=BigInteger())


def _quoted_names(key: Column[int]) -> dict[str, str]:
    quoted = postgresql.dialect(paramstyle="named").identifier_preparer  # type: ignore[no-untyped-call]
    table, column = quoted.format_table(key.table), quoted.format_column(key)
    names = {
        "table": table,
        "table_text": _literal(table),
        "column": column,
        "column_text": _literal(key.name),
    }
    return {place: name.replace(":", r"\:") for place, name in names.items()}


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def explain_exhausted(connection: sqlite3.Connection, sql: str, error: Exception) -> Exception:
    """Return Unavailable if an AUTOINCREMENT is exhausted (SQLite: disk full), else `error`."""
    if getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_FULL:
        return error
    try:
        ended = connection.execute(
            "SELECT name FROM sqlite_sequence WHERE seq = 9223372036854775807"
        ).fetchall()
    except sqlite3.Error:
        return error
    for (name,) in ended:
        if name.replace('"', '""') in sql:
            reason = f"sequence of table {name} exhausted, no key is left"
            return Unavailable(Condition.NO_KEY_LEFT, reason)
    return error
