"""Reads table definitions from PostgreSQL's pg_catalog, which every role may read."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text

from .definitions import Check, Column, ForeignKey, Index, Key, KeyGenerator, TableDefinition

_KINDS = {"r": "table", "p": "table", "v": "view", "m": "materialized view", "f": "foreign table"}
_OTHER_KINDS = {"i": "index", "I": "index", "S": "sequence", "c": "type"}
_ACTIONS = dict(
    zip("arcnd", ("NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"), strict=True)
)
_TABLES = text(
    "SELECT c.oid, c.relname, c.relkind::text FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = pg_catalog.current_schema() AND c.relname = ANY(:names)"
    " AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
)
_NAMES = text(
    "SELECT c.relname, c.relkind::text FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = pg_catalog.current_schema()"
    # A table has a type of its name; that of an array makes room by itself.
    " UNION ALL SELECT t.typname, 'c' FROM pg_catalog.pg_type t"
    " JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace"
    " WHERE n.nspname = pg_catalog.current_schema()"
    " AND t.typtype <> 'c' AND t.typcategory <> 'A'"
)
_COLUMNS = text(
    "SELECT a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,"
    " a.attnotnull OR t.typnotnull AS is_required, a.attidentity::text AS identity,"
    " a.attgenerated::text AS generated,"
    " CASE WHEN d.oid IS NOT NULL THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid)"
    " ELSE t.typdefault END AS default,"
    " CASE WHEN a.attcollation <> t.typcollation THEN l.collname END AS collation,"
    " (SELECT bool_or(o.refobjid = a.attrelid AND o.refobjsubid = a.attnum)"
    " FROM pg_catalog.pg_depend u"
    " JOIN pg_catalog.pg_depend o ON o.classid = 'pg_catalog.pg_class'::regclass"
    " AND o.objid = u.refobjid AND o.deptype IN ('a', 'i') AND o.refobjsubid > 0"
    " WHERE u.classid = 'pg_catalog.pg_attrdef'::regclass AND u.objid = d.oid"
    " AND u.refclassid = 'pg_catalog.pg_class'::regclass AND u.refobjid <> a.attrelid"
    " AND o.refclassid = 'pg_catalog.pg_class'::regclass) AS is_own_sequence"
    " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
    " LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation"
    " WHERE a.attrelid = ANY(CAST(:tables AS oid[])) AND a.attnum > 0 AND NOT a.attisdropped"
    " ORDER BY a.attrelid, a.attnum"
)
_CONSTRAINTS = text(
    "SELECT c.conrelid, c.conname, c.contype::text, c.condeferrable,"
    " pg_catalog.pg_get_constraintdef(c.oid) AS definition,"
    " pg_catalog.pg_get_expr(c.conbin, c.conrelid) AS expression,"
    " (SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.place)"
    " FROM pg_catalog.unnest(c.conkey) WITH ORDINALITY AS k(attnum, place)"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum)"
    " AS columns,"
    " (SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.place)"
    " FROM pg_catalog.unnest(c.confkey) WITH ORDINALITY AS k(attnum, place)"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum)"
    " AS target_columns,"
    " (SELECT r.relname FROM pg_catalog.pg_class r WHERE r.oid = c.confrelid) AS target,"
    " c.confdeltype::text AS on_delete, c.confupdtype::text AS on_update"
    " FROM pg_catalog.pg_constraint c WHERE c.conrelid = ANY(CAST(:tables AS oid[]))"
    " AND c.contype IN ('p', 'u', 'c', 'f', 'x') ORDER BY c.conrelid, c.conname"
)
_INDEXES = text(
    "SELECT i.indrelid, c.relname AS name, i.indisunique AS is_unique,"
    " i.indisvalid AND i.indisready AS is_valid,"
    " pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS condition,"
    " pg_catalog.pg_get_indexdef(i.indexrelid) LIKE '%NULLS NOT DISTINCT%' AS are_nulls_equal,"
    " (SELECT pg_catalog.array_agg(coalesce(a.attname::text,"
    " pg_catalog.pg_get_indexdef(i.indexrelid, k.place::int, true)) ORDER BY k.place)"
    " FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)"
    " LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
    " AND k.attnum > 0 WHERE k.place <= i.indnkeyatts) AS columns"
    " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
    " WHERE i.indrelid = ANY(CAST(:tables AS oid[])) AND NOT EXISTS"
    " (SELECT FROM pg_catalog.pg_constraint r WHERE r.conindid = i.indexrelid"
    " AND r.conrelid = i.indrelid AND r.contype IN ('p', 'u', 'x'))"
    " ORDER BY i.indexrelid"
)
_TRIGGERS = text(
    "SELECT t.tgrelid, t.tgname FROM pg_catalog.pg_trigger t"
    " WHERE t.tgrelid = ANY(CAST(:tables AS oid[])) AND NOT t.tgisinternal ORDER BY t.tgname"
)


def read_tables(connection: Connection, names: Iterable[str]) -> dict[str, TableDefinition]:
    """Return the tables and views of the current schema with these names; others are omitted."""
    chosen = {"names": list(names)}
    tables = {row.oid: row for row in connection.execute(_TABLES, chosen)}
    if not tables:
        return {}
    of_tables = {"tables": list(tables)}

    def rows(statement: TextClause) -> dict[int, list[Row[Any]]]:
        found = defaultdict(list)
        for row in connection.execute(statement, of_tables):
            found[row[0]].append(row)
        return found

    columns, constraints = rows(_COLUMNS), rows(_CONSTRAINTS)
    indexes, triggers = rows(_INDEXES), rows(_TRIGGERS)
    return {
        row.relname: _table(row, columns[oid], constraints[oid], indexes[oid], triggers[oid])
        for oid, row in tables.items()
    }


def taken_names(connection: Connection) -> dict[str, str]:
    """Return the names in use in the current schema, each with the kind of its object."""
    kinds = _KINDS | _OTHER_KINDS
    return {name: kinds.get(kind, "relation") for name, kind in connection.execute(_NAMES)}


def _table(
    row: Row[Any],
    columns: Sequence[Row[Any]],
    constraints: Sequence[Row[Any]],
    indexes: Sequence[Row[Any]],
    triggers: Sequence[Row[Any]],
) -> TableDefinition:
    of_kind = defaultdict(list)
    for constraint in constraints:
        # PostgreSQL 18 does not check constraints that are NOT ENFORCED.
        if not constraint.definition.endswith("NOT ENFORCED"):
            of_kind[constraint.contype].append(constraint)
    keys = [_key(constraint) for constraint in of_kind["p"]]
    return TableDefinition(
        name=row.relname,
        kind=_KINDS[row.relkind],
        columns=tuple(_column(column) for column in columns),
        key=keys[0] if keys else None,
        uniques=tuple(_key(constraint) for constraint in of_kind["u"]),
        checks=tuple(_check(constraint) for constraint in of_kind["c"] + of_kind["x"]),
        foreign_keys=tuple(_foreign_key(constraint) for constraint in of_kind["f"]),
        indexes=tuple(_index(index) for index in indexes),
        triggers=tuple(trigger.tgname for trigger in triggers),
    )


def _column(row: Row[Any]) -> Column:
    return Column(
        name=row.attname,
        type=row.type,
        nullable=not row.is_required,
        collation=row.collation,
        generator=_key_generator(row),
        has_default=row.default not in {None, "NULL"} or bool(row.identity or row.generated),
        is_generated=bool(row.generated),
    )


def _key_generator(row: Row[Any]) -> KeyGenerator:
    if row.identity:
        return KeyGenerator.IDENTITY_ALWAYS if row.identity == "a" else KeyGenerator.IDENTITY
    if row.default is None or not row.default.startswith(("nextval(", '"nextval"(')):
        return KeyGenerator.NONE
    # A sequence that is owned by no column is treated like one owned by this column.
    return KeyGenerator.OTHER_SEQUENCE if row.is_own_sequence is False else KeyGenerator.SEQUENCE


def _key(row: Row[Any]) -> Key:
    options = ["DEFERRABLE"] if row.condeferrable else []
    if "NULLS NOT DISTINCT" in row.definition:
        options.insert(0, "NULLS NOT DISTINCT")
    return Key(row.conname, tuple(row.columns), " ".join(options))


def _foreign_key(row: Row[Any]) -> ForeignKey:
    return ForeignKey(
        row.conname,
        tuple(row.columns),
        row.target,
        tuple(row.target_columns),
        _ACTIONS[row.on_delete],
        _ACTIONS[row.on_update],
        is_valid=not row.definition.endswith("NOT VALID"),
    )


def _check(row: Row[Any]) -> Check:
    """Return the definition of a CHECK or EXCLUDE constraint."""
    sql = row.expression or row.definition
    columns = frozenset(map(str.lower, row.columns or ()))
    is_valid = not row.definition.endswith("NOT VALID")
    return Check(row.conname, sql, sql, columns, is_valid)


def _index(row: Row[Any]) -> Index:
    columns = (*row.columns, "nulls not distinct") if row.are_nulls_equal else tuple(row.columns)
    return Index(row.name, columns, row.is_unique, row.condition, row.is_valid)
