"""Reads the tables of SQLite: its catalogue keeps the text of each CREATE statement."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, text

from .ddl import read_create_index, read_create_table
from .definitions import UNREADABLE, Counting, Index, TableDefinition
from .tokens import Token, UnreadableError

_CATALOGUE = text("SELECT type, name, tbl_name, sql FROM sqlite_master")


def read_tables(connection: Connection, names: Iterable[str]) -> dict[str, TableDefinition]:
    """Return what the database has under these names, and nothing for a name it does not have."""
    wanted = {name.lower(): name for name in names}
    found: dict[str, TableDefinition] = {}
    others: list[tuple[str, str, str, str]] = []
    for kind, name, table, sql in connection.execute(_CATALOGUE):
        asked = wanted.get(table.lower())
        if asked is None:
            continue
        if kind in {"table", "view"}:
            found[asked] = _table(kind, name, sql)
        else:
            others.append((kind, asked, name, sql))
    for kind, asked, name, sql in others:
        definition = found.get(asked)
        if definition is None:
            continue
        if kind == "trigger":
            found[asked] = replace(definition, triggers=(*definition.triggers, name))
        elif sql is not None:  # else it belongs to a UNIQUE or PRIMARY KEY
            indexes = (*definition.indexes, _index(name, sql))
            found[asked] = replace(definition, indexes=indexes)
    return found


def taken_names(connection: Connection) -> dict[str, str]:
    """Return the names, in lower case, that nothing else can have, and what has them."""
    return {name.lower(): kind for kind, name, _, _ in connection.execute(_CATALOGUE)}


def type_name(words: Sequence[Token]) -> tuple[str, Counting]:
    """Write a type as this application's CREATE TABLE does: `VARCHAR`, `NUMERIC(10, 2)`."""
    text = ""
    for word in words:
        if word.is_("(") or word.is_(")"):
            text += word.value
        elif word.is_(","):
            text += ", "
        else:
            glued = not text or text.endswith(("(", " ", "-", "+"))
            text += word.value.upper() if glued else f" {word.value.upper()}"
    return text, Counting.NOT


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
