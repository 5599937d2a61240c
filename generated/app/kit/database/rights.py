"""The privileges of the application's role on PostgreSQL, and GRANT statements for missing ones."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Row, Table, text

_NAME_IN_PATH = re.compile(r'"((?:[^"]|"")+)"|([^\s,"]+)')
"""One name in `search_path`."""
_COLUMNS = text(
    "SELECT c.relname, pg_catalog.quote_ident(a.attname) AS column, a.attname,"
    " pg_catalog.format('%I.%I', n.nspname, c.relname) AS place,"
    " pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT') AS may_select,"
    " pg_catalog.has_column_privilege(c.oid, a.attnum, 'INSERT') AS may_insert,"
    " pg_catalog.has_column_privilege(c.oid, a.attnum, 'UPDATE') AS may_update,"
    " pg_catalog.has_table_privilege(c.oid, 'DELETE') AS may_delete"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
    " WHERE n.nspname = pg_catalog.current_schema() AND c.relname = ANY(:tables)"
    " AND NOT a.attisdropped ORDER BY c.relname, a.attnum"
)
_SEQUENCES = text(
    "SELECT DISTINCT pg_catalog.format('%I.%I', m.nspname, s.relname) AS place,"
    " a.attidentity <> '' OR pg_catalog.has_sequence_privilege(s.oid, 'USAGE') AS may_usage,"
    " pg_catalog.has_sequence_privilege(s.oid, 'UPDATE') AS may_update"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
    " LEFT JOIN pg_catalog.pg_attrdef f ON f.adrelid = c.oid AND f.adnum = a.attnum"
    " JOIN pg_catalog.pg_depend d ON"
    " (d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = f.oid"
    " AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> c.oid)"
    " OR (d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'i'"
    " AND d.refclassid = 'pg_catalog.pg_class'::regclass"
    " AND d.refobjid = c.oid AND d.refobjsubid = a.attnum)"
    " JOIN pg_catalog.pg_class s ON s.relkind = 'S' AND s.oid ="
    " CASE WHEN d.deptype = 'i' THEN d.objid ELSE d.refobjid END"
    " JOIN pg_catalog.pg_namespace m ON m.oid = s.relnamespace"
    " WHERE n.nspname = pg_catalog.current_schema() AND c.relname = ANY(:tables)"
    " AND a.attname = ANY(:counted) ORDER BY 1"
)
_OWNED = text(
    "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
    " ON n.oid = c.relnamespace WHERE n.nspname = pg_catalog.current_schema()"
    " AND c.relname = ANY(:names) AND pg_catalog.pg_has_role(c.relowner, 'USAGE')"
)
_REFERENCES = text(
    "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS place"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = pg_catalog.current_schema() AND c.relname = ANY(:names)"
    " AND NOT pg_catalog.has_table_privilege(c.oid, 'REFERENCES') ORDER BY 1"
)
_ROLE = text("SELECT pg_catalog.quote_ident(current_user)")
_SCHEMA = text(
    "SELECT pg_catalog.quote_ident(CAST(:name AS name)) AS name, n.oid IS NOT NULL AS exists,"
    " pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS may_use,"
    " pg_catalog.has_schema_privilege(n.oid, 'CREATE') AS may_create"
    " FROM (SELECT) AS one"
    " LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = CAST(:name AS name)"
)


@dataclass(frozen=True, slots=True)
class MissingRight:
    """Privileges that the role lacks on a table, on some of its columns, or on a sequence."""

    privileges: tuple[str, ...]
    place: str
    role: str

    @property
    def grant(self) -> str:
        """The GRANT statement."""
        return f"GRANT {', '.join(self.privileges)} ON {self.place} TO {self.role}"

    @property
    def prevents_reading(self) -> bool:
        """Whether rows cannot be read without the privileges."""
        return any(privilege.startswith("SELECT") for privilege in self.privileges)


def find_missing_grants(engine: Engine, metadata: MetaData) -> list[str]:
    """Connect, and return the missing grants."""
    with engine.connect() as connection:
        return missing_grants(connection, metadata)


def missing_grants(connection: Connection, metadata: MetaData) -> list[str]:
    """Return the GRANT statements that are needed to read and write the tables."""
    if connection.dialect.name != "postgresql":
        return []
    if (problem := schema_problem(connection)) is not None:
        return [problem[1]]
    return [right.grant for right in missing_rights(connection, metadata.tables.values())]


def missing_rights(connection: Connection, tables: Iterable[Table]) -> list[MissingRight]:
    """Return the privileges that the role lacks on those tables that exist."""
    models = {table.name: table for table in tables}
    role = current_role(connection)
    columns: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(_COLUMNS, {"tables": list(models)}):
        if row.attname in models[row.relname].columns:
            columns.setdefault(row.relname, []).append(row)
    found = [
        right
        for name, rows in columns.items()
        for right in _rights_on_table(models[name], rows, role)
    ]
    counted = {
        str(column.name)
        for table in models.values()
        if (column := table.autoincrement_column) is not None
    }
    chosen = {"tables": list(models), "counted": list(counted)}
    for sequence in connection.execute(_SEQUENCES, chosen):
        rights = {"USAGE": sequence.may_usage, "UPDATE": sequence.may_update}
        if missing := tuple(right for right, has in rights.items() if not has):
            found.append(MissingRight(missing, f"SEQUENCE {sequence.place}", role))
    return found


def _rights_on_table(table: Table, rows: list[Row[Any]], role: str) -> Iterator[MissingRight]:
    """Yield the missing privileges of a table, by column if only some columns lack them."""
    counted = table.autoincrement_column
    needed = {
        "SELECT": rows,
        "INSERT": [row for row in rows if counted is None or row.attname != counted.name],
        "UPDATE": [row for row in rows if not table.columns[row.attname].primary_key],
    }
    privileges = []
    for privilege, of in needed.items():
        missing = [row.column for row in of if not getattr(row, f"may_{privilege.lower()}")]
        if missing and len(missing) == len(of):
            privileges.append(privilege)
        elif missing:
            privileges.append(f"{privilege} ({', '.join(missing)})")
    if not rows[0].may_delete:
        privileges.append("DELETE")
    if privileges:
        yield MissingRight(tuple(privileges), rows[0].place, role)


def schema_problem(connection: Connection) -> tuple[str, str] | None:
    """Return a problem of the first schema in `search_path`, and the remedy; None if it is usable.

    PostgreSQL would skip a missing schema silently, and use the next one.
    """
    path = str(connection.scalar(text("SHOW search_path")))
    for quoted, plain in _NAME_IN_PATH.findall(path):
        name = quoted.replace('""', '"') or plain
        is_user = name == "$user"
        if is_user:
            name = str(connection.scalar(text("SELECT current_user")))
        schema = connection.execute(_SCHEMA, {"name": name}).one()
        if not schema.exists and is_user:
            continue
        if not schema.exists:
            return (
                f"the schema {schema.name} of its search_path ({path}) does not exist",
                f"CREATE SCHEMA {schema.name}",
            )
        if not schema.may_use:
            role = current_role(connection)
            return (
                f"the role {role} may not use the schema {schema.name}",
                f"GRANT USAGE ON SCHEMA {schema.name} TO {role}",
            )
        return None
    role = current_role(connection)
    return (
        f"its search_path ({path}) contains no schema",
        f"ALTER ROLE {role} SET search_path = public",
    )


def creation_problem(connection: Connection) -> tuple[str, str] | None:
    """Return why tables cannot be created in the current schema, and the remedy; or None."""
    if connection.scalar(text("SHOW transaction_read_only")) == "on":
        return (
            "it is read-only",
            "start once with a writable database, or unset default_transaction_read_only",
        )
    name = connection.scalar(text("SELECT pg_catalog.current_schema()"))
    schema = connection.execute(_SCHEMA, {"name": name}).one()
    if schema.may_create:
        return None
    role = current_role(connection)
    return (
        f"the role {role} may not create tables in the schema {schema.name}",
        f"GRANT CREATE ON SCHEMA {schema.name} TO {role}",
    )


def reference_problem(
    connection: Connection, new: Iterable[Table], present: Iterable[Table]
) -> tuple[str, str] | None:
    """Return why foreign keys of new tables to existing ones cannot be created; or None."""
    existing = set(present)
    targets = {
        key.column.table.name
        for table in new
        for key in table.foreign_keys
        if key.column.table in existing
    }
    for row in connection.execute(_REFERENCES, {"names": sorted(targets)}):
        role = current_role(connection)
        return (
            f"the role {role} may not create a foreign key to the table {row.place}",
            f"GRANT REFERENCES ON {row.place} TO {role}",
        )
    return None


def current_role(connection: Connection) -> str:
    """Return the current role, quoted for SQL."""
    return str(connection.scalar(_ROLE))


def owned_tables(connection: Connection, names: Iterable[str]) -> set[str]:
    """Return the tables that the role owns. Only the owner can create indexes."""
    if connection.dialect.name != "postgresql":
        return set(names)
    return set(connection.scalars(_OWNED, {"names": list(names)}))
