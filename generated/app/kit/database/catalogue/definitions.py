"""What a table is made of, whichever database it lives in."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

Expression = tuple[Any, ...]
"""The meaning of an expression: two that mean the same are equal (see expressions.py)."""

UNREADABLE = "table that cannot be read"
"""The kind of a table whose definition is not understood."""


class Counting(Enum):
    """How a column gets its value when an INSERT does not name it."""

    NOT = "not counted"
    ROWID = "counted, ids of deleted rows are given again"
    """SQLite's INTEGER PRIMARY KEY."""
    NEVER_REUSED = "counted"
    """SQLite's AUTOINCREMENT."""
    SEQUENCE = "counted by a sequence"
    IDENTITY = "counted as identity"
    ALWAYS = "counted as identity, always"
    """An INSERT may not name it."""
    OTHERS_SEQUENCE = "counted by the sequence of another column"


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    type: str
    """In the words of the database's catalogue: `VARCHAR` or `character varying`."""
    nullable: bool = True
    collation: str | None = None
    counting: Counting = Counting.NOT
    has_default: bool = False
    is_generated: bool = False
    on_conflict: str = ""
    """What SQLite does with a null where none may be, if that is not the usual error."""
    type_at: tuple[int, int] | None = field(default=None, compare=False)
    """Where the type stands in the text of SQLite's CREATE TABLE."""

    def __str__(self) -> str:
        """Describe it as in CREATE TABLE."""
        words = [self.type]
        if self.collation:
            words.append(f'COLLATE "{self.collation}"')
        if not self.nullable:
            words.append("NOT NULL")
        words.append(self.on_conflict)
        if self.is_generated:
            words.append("GENERATED")
        text = " ".join(filter(None, words))
        return text if self.counting is Counting.NOT else f"{text}, {self.counting.value}"


@dataclass(frozen=True, slots=True)
class Key:
    """A primary key or a unique rule; `options` are words that change what it does."""

    name: str | None
    columns: tuple[str, ...]
    options: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A CHECK: its text, and what it means."""

    name: str | None
    sql: str = field(compare=False)
    meaning: Expression


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A reference to another table; without `target_columns`, to its primary key."""

    name: str | None
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"


@dataclass(frozen=True, slots=True)
class Index:
    """An index that is no constraint; an item that is no plain column is kept as its text."""

    name: str
    columns: tuple[str, ...]
    is_unique: bool = False
    where: str | None = None
    is_valid: bool = True


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table, or something else that has its name."""

    name: str
    kind: str = "table"
    columns: tuple[Column, ...] = ()
    key: Key | None = None
    uniques: tuple[Key, ...] = ()
    checks: tuple[Check, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    triggers: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()
    """SQLite's `STRICT` and `WITHOUT ROWID`."""
    sql: str = field(default="", compare=False)
    """The text of SQLite's CREATE TABLE."""

    @property
    def unique_rules(self) -> tuple[Key, ...]:
        """What is unique in every row: by a rule, or by an index."""
        by_index = (
            Key(index.name, index.columns)
            for index in self.indexes
            if index.is_unique and index.is_valid and index.where is None
        )
        return (*self.uniques, *by_index)
