"""Reads table definitions from SQLite: its PRAGMAs, and the text of CREATE TABLE for the rest."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    NullPool,
    Row,
    Table,
    bindparam,
    create_engine,
    text,
)

from .definitions import Check, Column, ForeignKey, Index, Key, KeyGenerator, TableDefinition
from .tokens import Token, nested_tokens, normalized, split_at_commas, tokenize

_CATALOGUE = text("SELECT type, name, tbl_name, sql FROM sqlite_master")
_COLUMNS = text(
    'SELECT m.name, c.name, c."notnull" AS is_required, c.pk, c.hidden,'
    " coalesce(c.dflt_value, 'NULL') <> 'NULL' AS has_default"
    " FROM sqlite_master AS m JOIN pragma_table_xinfo(m.name) AS c WHERE m.name IN :tables"
)
_INDEXES = text(
    'SELECT m.name, i.name, i."unique" AS is_unique, i.origin, i.partial,'
    " coalesce(c.name, '(expression)') AS column_name"
    " FROM sqlite_master AS m JOIN pragma_index_list(m.name) AS i"
    " JOIN pragma_index_xinfo(i.name) AS c WHERE m.name IN :tables AND c.key"
    " ORDER BY i.seq DESC, c.seqno"
)
_FOREIGN_KEYS = text(
    'SELECT m.name, f.id, f."table" AS target, f."from" AS column_name,'
    ' f."to" AS target_column, f.on_delete, f.on_update'
    " FROM sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f WHERE m.name IN :tables"
    " ORDER BY f.id, f.seq"
)
_TABLES: BindParameter[Any] = bindparam("tables", expanding=True)
_AFTER_TYPE = {
    *("CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE"),
    *("REFERENCES", "GENERATED", "AS", "DEFERRABLE", "INITIALLY"),
}


def read_tables(connection: Connection, names: Iterable[str]) -> dict[str, TableDefinition]:
    """Return the tables and views with these names; missing ones are omitted."""
    by_lower_case = {name.lower(): name for name in names}
    rows = [row for row in connection.execute(_CATALOGUE) if row.tbl_name.lower() in by_lower_case]
    triggers = defaultdict(list)
    for row in rows:
        if row.type == "trigger":
            triggers[row.tbl_name.lower()].append(row.name)
    # A PRAGMA about a virtual table fails if its module is missing.
    tables = [row.name for row in rows if row.type == "table" and not _is_virtual(row.sql)]
    columns, indexes, references = (
        _rows_by_table(connection.execute(one.bindparams(_TABLES), {"tables": tables}))
        for one in (_COLUMNS, _INDEXES, _FOREIGN_KEYS)
    )
    return {
        by_lower_case[row.name.lower()]: _table(
            row,
            columns[row.name],
            indexes[row.name],
            references[row.name],
            triggers[row.name.lower()],
        )
        for row in rows
        if row.type in {"table", "view"}
    }


def expected_tables(_: Connection, tables: Iterable[Table]) -> dict[str, TableDefinition]:
    """Return the definitions of the models' tables, read from a database in memory."""
    tables = list(tables)
    with create_engine("sqlite://", poolclass=NullPool).connect() as memory:
        for table in tables:
            table.create(memory)
        return read_tables(memory, [table.name for table in tables])


def taken_names(connection: Connection) -> dict[str, str]:
    """Return the names in use, in lower case, each with the kind of its object."""
    return {row.name.lower(): row.type for row in connection.execute(_CATALOGUE)}


@dataclass
class _Clauses:
    """The clauses of CREATE TABLE that no PRAGMA shows."""

    checks: list[Check] = field(default_factory=list)
    collations: dict[str, str] = field(default_factory=dict)
    """By the name of the column."""
    types_at: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The positions of the types, by the name of the column."""
    names: dict[tuple[str, ...], str] = field(default_factory=dict)
    """The names of constraints: by UNIQUE or FOREIGN, then their columns in lower case."""
    conflicts: dict[tuple[str, ...], str] = field(default_factory=dict)
    """The ON CONFLICT clauses of keys, by their columns, and of NOT NULL, by `not null` first."""


def _rows_by_table(rows: Iterable[Row[Any]]) -> dict[str, list[Row[Any]]]:
    found = defaultdict(list)
    for row in rows:
        found[row[0]].append(row)
    return found


def _table(
    row: Row[Any],
    columns: Sequence[Row[Any]],
    indexes: Sequence[Row[Any]],
    references: Sequence[Row[Any]],
    triggers: Sequence[str],
) -> TableDefinition:
    if row.type == "view" or _is_virtual(row.sql):
        return TableDefinition(row.name, "view" if row.type == "view" else "virtual table")
    tokens = nested_tokens(row.sql)
    clauses = _read_clauses(row.sql, tokens, [column.name for column in columns])
    of_index = defaultdict(list)
    for index in indexes:
        of_index[index.name].append(index)
    by_origin = defaultdict(list)
    for parts in of_index.values():
        by_origin[parts[0].origin].append(parts)
    key = [column.name for column in sorted(columns, key=lambda one: one.pk) if column.pk]
    generator = KeyGenerator.NONE
    if len(key) == 1 and not by_origin["pk"]:  # then the key is the rowid
        counts = any(token.keyword == "AUTOINCREMENT" for token in tokenize(row.sql))
        generator = KeyGenerator.AUTOINCREMENT if counts else KeyGenerator.ROWID
    return TableDefinition(
        name=row.name,
        columns=tuple(_column(one, clauses, generator, row.sql) for one in columns),
        key=_key(key, clauses) if key else None,
        uniques=tuple(
            _key([one.column_name for one in parts], clauses) for parts in by_origin["u"]
        ),
        checks=tuple(clauses.checks),
        foreign_keys=tuple(_foreign_keys(references, clauses)),
        indexes=tuple(sorted(map(_index, by_origin["c"]), key=lambda index: index.name)),
        triggers=tuple(triggers),
        sql=row.sql,
    )


def _is_virtual(sql: str) -> bool:
    """Return whether a statement is CREATE VIRTUAL TABLE, in the form that SQLite stores."""
    return sql.startswith("CREATE VIRTUAL TABLE ")


def _column(row: Row[Any], clauses: _Clauses, generator: KeyGenerator, sql: str) -> Column:
    is_rowid = bool(row.pk) and generator is not KeyGenerator.NONE
    start, end = type_at = clauses.types_at.get(row.name, (0, 0))
    return Column(
        row.name,
        _formatted_type(sql[start:end]),  # the PRAGMA drops what follows a quoted name
        nullable=not row.is_required and not is_rowid,
        collation=clauses.collations.get(row.name),
        generator=generator if is_rowid else KeyGenerator.NONE,
        has_default=bool(row.has_default),
        is_generated=row.hidden in {2, 3},
        on_conflict=clauses.conflicts.get(("not null", row.name.lower()), ""),
        type_at=type_at,
    )


def _formatted_type(declared: str) -> str:
    """Return the name of a type in the format of SQLAlchemy: `VARCHAR`, `NUMERIC(10, 2)`."""
    words = " ".join(token.name for token in tokenize(declared.upper()))
    return words.replace(" (", "(").replace("( ", "(").replace(" )", ")").replace(" ,", ",")


def _key(columns: Sequence[str], clauses: _Clauses) -> Key:
    folded = tuple(map(str.lower, columns))
    return Key(
        clauses.names.get(("UNIQUE", *folded)), tuple(columns), clauses.conflicts.get(folded, "")
    )


def _index(parts: Sequence[Row[Any]]) -> Index:
    first = parts[0]
    columns = tuple(one.column_name for one in parts)
    return Index(first.name, columns, bool(first.is_unique), "…" if first.partial else None)


def _foreign_keys(rows: Sequence[Row[Any]], clauses: _Clauses) -> Iterator[ForeignKey]:
    for number in dict.fromkeys(row.id for row in rows):
        parts = [row for row in rows if row.id == number]
        targets = tuple(row.target_column for row in parts if row.target_column is not None)
        first = parts[0]
        columns = tuple(row.column_name for row in parts)
        name = clauses.names.get(("FOREIGN", *map(str.lower, columns)))
        yield ForeignKey(name, columns, first.target, targets, first.on_delete, first.on_update)


def _read_clauses(sql: str, tokens: Sequence[Token], columns: Sequence[str]) -> _Clauses:
    body = next(token for token in tokens if token.kind == "group")
    clauses = _Clauses()
    known = {name.lower() for name in columns}
    for index, item in enumerate(split_at_commas(body.inner)):
        column = columns[index] if index < len(columns) else None
        if column is not None:
            types = list(_tokens_before(item[1:], _AFTER_TYPE))
            if types:
                clauses.types_at[column] = types[0].start, types[-1].end
        _read_item(sql, item, column, known, clauses)
    return clauses


def _tokens_before(item: Iterable[Token], keywords: set[str]) -> Iterator[Token]:
    for token in item:
        if token.keyword in keywords:
            return
        yield token


def _read_item(
    sql: str, item: Sequence[Token], column: str | None, known: set[str], clauses: _Clauses
) -> None:
    """Add the clauses of one column, or of one constraint of the table, to `clauses`."""
    name: str | None = None
    subject: tuple[str, ...] = ()
    rest = iter(item[1:] if column is not None else item)
    for token in rest:
        match token.keyword:
            case "CONSTRAINT":
                name = next(rest).name
                continue
            case "CHECK":
                clauses.checks.append(_check(name, sql, next(rest), known))
            case "COLLATE" if column is not None:
                clauses.collations[column] = next(rest).name
            case "NOT":
                subject = ("not null", str(column).lower())
            case "PRIMARY" | "UNIQUE" as word:
                subject = _key_columns(rest) if column is None else (column.lower(),)
                if name is not None:
                    clauses.names[word, *subject] = name
            case "FOREIGN" | "REFERENCES" if name is not None:
                named = _key_columns(rest) if column is None else (column.lower(),)
                clauses.names["FOREIGN", *named] = name
            case "CONFLICT":
                clauses.conflicts[subject] = _on_conflict(next(rest).keyword)
                continue
            case _:
                continue
        name = None


def _on_conflict(action: str) -> str:
    """Return the clause of an action that is not the default."""
    return "" if action == "ABORT" else f"ON CONFLICT {action}"


def _key_columns(rest: Iterator[Token]) -> tuple[str, ...]:
    group = next(one for one in rest if one.kind == "group")
    return tuple(part[0].name.lower() for part in split_at_commas(group.inner))


def _check(name: str | None, sql: str, group: Token, known: set[str]) -> Check:
    """Return the definition of a CHECK, normalized: case, white space and quotes are ignored."""
    tokens = tokenize(sql[group.start + 1 : group.end - 1])
    names = {token.name.lower() for token in tokens if token.kind in {"word", "quoted"}}
    shown = sql[group.start + 1 : group.end - 1].strip()
    return Check(name, shown, normalized(shown), frozenset(names & known))
