"""What prevents changes on PostgreSQL: objects that use a column. Reason to change: another kind.

PostgreSQL refuses to change the type of a column that a view uses, and drops an index with its
column. So these objects are found before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from crudgen.evolution.changes import SAME, Changes, ColumnChange, TableChange
from crudgen.evolution.plan import Problem
from crudgen.evolution.spec_words import spec_type
from crudgen.kit.database.catalogue.explain import quoted, value_unless_rejected

_USERS = text(
    "SELECT a.attname AS column, d.classid::regclass::text AS kind,"
    " CASE WHEN r.oid IS NOT NULL THEN (SELECT CASE v.relkind WHEN 'm' THEN 'materialized view '"
    " WHEN 'v' THEN 'view ' ELSE 'rule on ' END || v.relname"
    " FROM pg_catalog.pg_class v WHERE v.oid = r.ev_class)"
    " WHEN f.oid IS NOT NULL THEN 'generated column ' || (SELECT g.attname"
    " FROM pg_catalog.pg_attribute g WHERE g.attrelid = f.adrelid AND g.attnum = f.adnum)"
    " ELSE pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) END AS name"
    " FROM pg_catalog.pg_depend d"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
    " LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::regclass"
    " AND r.oid = d.objid"
    " LEFT JOIN pg_catalog.pg_attrdef f ON d.classid = 'pg_catalog.pg_attrdef'::regclass"
    " AND f.oid = d.objid"
    " WHERE d.refclassid = 'pg_catalog.pg_class'::regclass"
    " AND d.refobjid = CAST(CAST(:table AS text) AS regclass) AND d.refobjsubid > 0"
    # A default depends on its own column.
    " AND NOT (f.oid IS NOT NULL AND f.adrelid = d.refobjid AND f.adnum = d.refobjsubid)"
    " AND d.classid <> 'pg_catalog.pg_class'::regclass"
    " AND d.classid <> 'pg_catalog.pg_constraint'::regclass"
    " GROUP BY 1, 2, 3 ORDER BY 1, 3"
)
_EXPRESSIONS = text(
    "SELECT pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS condition, c.relname AS name,"
    " 'index ' AS kind, pg_catalog.pg_get_expr(i.indexprs, i.indrelid) AS expressions"
    " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
    " WHERE i.indrelid = CAST(CAST(:table AS text) AS regclass)"
    " AND (i.indpred IS NOT NULL OR i.indexprs IS NOT NULL)"
    " UNION ALL SELECT pg_catalog.pg_get_expr(k.conbin, k.conrelid), k.conname, 'rule ', NULL"
    " FROM pg_catalog.pg_constraint k"
    " WHERE k.conrelid = CAST(CAST(:table AS text) AS regclass) AND k.contype = 'c'"
)
_DEFAULTS = text(
    "SELECT a.attname, pg_catalog.pg_get_expr(d.adbin, d.adrelid)"
    " FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a"
    " ON a.attrelid = d.adrelid AND a.attnum = d.adnum"
    " WHERE d.adrelid = CAST(CAST(:table AS text) AS regclass) AND a.attgenerated = ''"
)
_TABLE = text(
    "SELECT c.relkind = 'p' AS is_partitioned, EXISTS (SELECT FROM pg_catalog.pg_constraint k"
    " WHERE c.oid IN (k.conrelid, k.confrelid) AND k.condeferred) AS is_deferred"
    " FROM pg_catalog.pg_class c WHERE c.oid = CAST(CAST(:table AS text) AS regclass)"
)
_USERS_OF_TABLE = text(
    "SELECT k.conname AS constraint,"
    " (SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = k.conrelid) AS owner,"
    " 'foreign key ' || k.conname || ' of ' || k.conrelid::regclass::text AS name"
    " FROM pg_catalog.pg_constraint k WHERE k.contype = 'f'"
    " AND k.confrelid = CAST(CAST(:table AS text) AS regclass)"
    " UNION ALL SELECT NULL, NULL, CASE v.relkind WHEN 'm' THEN 'materialized view '"
    " ELSE 'view ' END || v.relname FROM pg_catalog.pg_depend d"
    " JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid"
    " JOIN pg_catalog.pg_class v ON v.oid = r.ev_class"
    " WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass"
    " AND d.refclassid = 'pg_catalog.pg_class'::regclass"
    " AND d.refobjid = CAST(CAST(:table AS text) AS regclass) AND v.oid <> d.refobjid"
)
_FOREIGN_KEYS = text(
    "SELECT k.conname AS name, k.conrelid::regclass::text AS owner,"
    " k.confrelid = t.oid AS is_target,"
    " (SELECT pg_catalog.array_agg(a.attname::text) FROM pg_catalog.pg_attribute a"
    " WHERE a.attrelid = t.oid AND (k.conrelid = t.oid AND a.attnum = ANY(k.conkey)"
    " OR k.confrelid = t.oid AND a.attnum = ANY(k.confkey))) AS columns"
    " FROM pg_catalog.pg_constraint k"
    " JOIN (SELECT CAST(CAST(:table AS text) AS regclass) AS oid) t"
    " ON t.oid IN (k.conrelid, k.confrelid)"
    " WHERE k.contype = 'f' AND k.conparentid = 0 ORDER BY k.conname"
)
_KEEP_THEIR_TYPE = {"pg_statistic_ext"}
"""Catalogues of objects that follow a new type."""


@dataclass(frozen=True, slots=True)
class LiveTable:
    """What the catalogue says of a table, beyond its definition."""

    change: TableChange
    defaults: dict[str, str]
    """SQL of defaults, by live columns."""
    is_partitioned: bool
    """Whether it cannot have an index built while others write."""
    is_deferred: bool
    """Whether a constraint is checked at the end of a transaction only."""
    problems: Sequence[Problem]
    """The objects that prevent changes."""


def live_table(connection: Connection, change: TableChange) -> LiveTable:
    """Return what the catalogue says of the table of a change."""
    bound = {"table": quoted(change.live_name)}
    defaults = {row[0]: row[1] for row in connection.execute(_DEFAULTS, bound)}
    row = connection.execute(_TABLE, bound).one()
    problems = [
        *_problems_of_users(change, connection.execute(_USERS, bound).all()),
        *_problems_of_expressions(
            connection, change, connection.execute(_EXPRESSIONS, bound).all()
        ),
        *_problems_of_defaults(connection, change, defaults),
    ]
    return LiveTable(change, defaults, row.is_partitioned, row.is_deferred, problems)


def _problems_of_users(change: TableChange, users: Sequence[Row[Any]]) -> Iterator[Problem]:
    table = change.expected.name
    for column in change.dropped:
        names = [row.name for row in users if row.column == column.name]
        if names:
            yield Problem(
                table,
                column.name,
                f"the column is used by {', '.join(names)}",
                "drop or change that first: it is not in the spec",
            )
    for one in change.columns:
        names = [
            row.name
            for row in users
            if row.column == one.found.name and row.kind not in _KEEP_THEIR_TYPE
        ]
        if names and (one.changes_type or one.changes_collation):
            yield Problem(
                table,
                one.expected.name,
                f"the type cannot change: the column is used by {', '.join(names)}",
                "drop that first, and create it again afterwards: it is not in the spec",
            )


def _problems_of_expressions(
    connection: Connection,
    change: TableChange,
    expressions: Sequence[Row[Any]],
) -> Iterator[Problem]:
    """Yield the problems of rules and indexes that stay, and are invalid with a new type."""
    changed = [one for one in change.columns if one.changes_type]
    if not changed:
        return
    going = {one.name for one in change.old_checks} | {one.name for one in change.old_indexes}
    types = {one.found.name: one for one in change.columns}
    columns = []
    for column in change.found.columns if change.found else ():
        new = types[column.name].expected if column.name in types else column
        collation = f" COLLATE {quoted(new.collation)}" if new.collation else ""
        columns.append(f"{quoted(column.name)} {new.type}{collation}")
    for row in expressions:
        if row.name in going:
            continue
        # A condition must be a boolean.
        sql = (
            f"EXPLAIN (FORMAT JSON) SELECT {row.expressions or 1}"
            f" FROM json_to_record('{{}}') AS x({', '.join(columns)})"
            f" WHERE ({row.condition or 'true'})"
        )
        if value_unless_rejected(connection, sql) is None:
            yield Problem(
                change.expected.name,
                changed[0].expected.name if len(changed) == 1 else None,
                f"the type cannot change: {row.kind}{row.name} has no meaning with the new one",
                "drop that first, and create it again afterwards: it is not in the spec",
            )


def _problems_of_defaults(
    connection: Connection, change: TableChange, defaults: dict[str, str]
) -> Iterator[Problem]:
    for one in change.columns:
        default = defaults.get(one.found.name)
        if default is None or not _converts_values(one) or one.conversion.survives is None:
            continue
        condition = one.conversion.survives.replace("{value}", f"({default})")
        if not value_unless_rejected(connection, f"SELECT ({condition})"):
            yield Problem(
                change.expected.name,
                one.expected.name,
                f"the default {default} does not convert to {spec_type(one.expected.type)}",
                f"drop it first: ALTER TABLE {quoted(change.live_name)}"
                f" ALTER COLUMN {quoted(one.found.name)} DROP DEFAULT",
            )


def _converts_values(change: ColumnChange) -> bool:
    return change.changes_type and change.conversion != SAME


def foreign_keys_of_columns(connection: Connection, changes: Changes) -> Iterator[Problem]:
    """Yield the problems of foreign keys of the user, whose two ends must have one type."""
    leaving = _removed_foreign_keys(changes)
    for change in changes.tables:
        dropped = {column.name: column.name for column in change.dropped}
        converted = {
            one.found.name: one.expected.name
            for one in change.columns
            if one.changes_type and one.conversion.expression != "{value}"
        }
        if not (dropped or converted):
            continue
        bound = {"table": quoted(change.live_name)}
        for row in connection.execute(_FOREIGN_KEYS, bound):
            affected = converted | dropped if row.is_target else converted
            names = [affected[name] for name in row.columns if name in affected]
            if names and row.name not in leaving:
                yield Problem(
                    change.expected.name,
                    names[0],
                    f"the column is used by foreign key {row.name} of {row.owner}",
                    "drop that first: it is not in the spec",
                )


def users_of_tables(connection: Connection, changes: Changes) -> Iterator[Problem]:
    """Yield the problems of dropped tables that views or foreign keys of other tables use."""
    dropped = [one.found.name for one in changes.dropped]
    leaving = {key.name for change in changes.tables for key in change.old_foreign_keys if key.name}
    for name in dropped:
        users = connection.execute(_USERS_OF_TABLE, {"table": quoted(name)}).all()
        names = sorted(
            {
                row.name
                for row in users
                if row.constraint not in leaving and row.owner not in dropped
            }
        )
        if names:
            yield Problem(
                name,
                None,
                f"the table is used by {', '.join(names)}",
                "drop or change that first: it is not in the spec",
            )


def _removed_foreign_keys(changes: Changes) -> set[str | None]:
    """Return the names of the foreign keys that the changes remove."""
    return {key.name for change in changes.tables for key in change.old_foreign_keys}
