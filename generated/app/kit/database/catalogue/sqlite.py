"""Reads table definitions from SQLite's catalogue, which contains the CREATE statements."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, text

from .create_index import read_create_index
from .create_table import read_create_table
from .definitions import UNREADABLE, Index, KeyGenerator, TableDefinition
from .tokens import Token, UnreadableError

_CATALOGUE = text("SELECT type, name, tbl_name, sql FROM sqlite_master")


def read_tables(connection: Connection, names: Iterable[str]) -> dict[str, TableDefinition]:
    """Return the tables and views with these names; missing ones are omitted."""
    wanted = {name.lower(): name for name in names}
    found: dict[str, TableDefinition] = {}
    others: list[tuple[str, str, str, str]] = []
    for kind, name, table, sql in connection.execute(_CATALOGUE):
        table_name = wanted.get(table.lower())
        if table_name is None:
            continue
        if kind in {"table", "view"}:
            found[table_name] = _table(kind, name, sql)
        else:
            others.append((kind, table_name, name, sql))
    for kind, table_name, name, sql in others:
        definition = found.get(table_name)
        if definition is None:
            continue
        if kind == "trigger":
            found[table_name] = replace(definition, triggers=(*definition.triggers, name))
        elif sql is not None:  # the index of a UNIQUE or PRIMARY KEY has no statement
            indexes = (*definition.indexes, _index(name, sql))
            found[table_name] = replace(definition, indexes=indexes)
    return found


def taken_names(connection: Connection) -> dict[str, str]:
    """Return the used names, in lower case, with the kind of the object."""
    return {name.lower(): kind for kind, name, _, _ in connection.execute(_CATALOGUE)}


def type_name(words: Sequence[Token]) -> tuple[str, KeyGenerator]:
    """Return the name of a type in the format of SQLAlchemy: `VARCHAR`, `NUMERIC(10, 2)`."""
    text = ""
    for word in words:
        if word.is_("(") or word.is_(")"):
            text += word.value
        elif word.is_(","):
            text += ", "
        else:
            glued = not text or text.endswith(("(", " ", "-", "+"))
            text += word.value.upper() if glued else f" {word.value.upper()}"
    return text, KeyGenerator.NONE


def _table(kind: str, name: str, sql: str) -> TableDefinition:
    if kind == "table":
        try:
            return read_create_table(sql, "sqlite", type_name)
        except UnreadableError:
            kind = UNREADABLE
    return TableDefinition(name, kind, sql=sql)


def _index(name: str, sql: str) -> Index:
    try:
        return read_create_index(sql, "sqlite")
    except UnreadableError:
        return Index(name, (sql,))
