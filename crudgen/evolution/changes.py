"""The changes of tables, without SQL. Reason to change: another kind of change.

Each is the difference between a table of a database and one of the models. Names of columns are
those of the models, except in `found` and in what is live: there they are those of the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Table

from crudgen.kit.database.catalogue import (
    Check,
    Column,
    ForeignKey,
    Index,
    Key,
    TableDefinition,
)


@dataclass(frozen=True, slots=True)
class Conversion:
    """How the values of one type become those of another.

    In both texts, `{value}` is the live column, or an expression with its value.
    """

    expression: str
    """SQL for the converted value."""
    survives: str | None = None
    """SQL that is true for values that can be converted; None if all can. NULL always can."""
    is_lossless_in_place: bool = False
    """Whether PostgreSQL does not rewrite the rows."""


SAME = Conversion("{value}", None, True)
"""The stored form stays."""


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A column that the live table and the model have, whether it changes or not."""

    found: Column
    expected: Column
    conversion: Conversion = SAME
    words: Mapping[str, str] = field(default_factory=dict)
    """Renamed words of an enum that rules of the live column accept: live word → new word."""
    fill: object | None = None
    """The value in Python that replaces NULL, by `--fill`; None to keep it."""

    @property
    def is_renamed(self) -> bool:
        """Whether the name changes, other than in case on SQLite."""
        return self.found.name != self.expected.name

    @property
    def changes_type(self) -> bool:
        """Whether the type in the catalogue changes."""
        return self.found.type != self.expected.type

    @property
    def changes_collation(self) -> bool:
        """Whether the collation in the catalogue changes."""
        return self.found.collation != self.expected.collation

    @property
    def changes_generator(self) -> bool:
        """Whether the way in which the database generates values changes."""
        return self.found.generator is not self.expected.generator

    @property
    def becomes_required(self) -> bool:
        """Whether the column becomes NOT NULL."""
        return self.found.nullable and not self.expected.nullable

    @property
    def becomes_optional(self) -> bool:
        """Whether the column ceases to be NOT NULL."""
        return self.expected.nullable and not self.found.nullable

    @property
    def changes_values(self) -> bool:
        """Whether any value of a row may change."""
        return self.conversion != SAME or bool(self.words) or self.fill is not None

    @property
    def is_changed(self) -> bool:
        """Whether anything changes."""
        return (
            self.is_renamed
            or self.changes_type
            or self.changes_collation
            or self.changes_generator
            or self.found.nullable != self.expected.nullable
            or self.changes_values
        )


@dataclass(frozen=True, slots=True)
class AddedColumn:
    """A column of the model that the live table lacks."""

    expected: Column
    fill: object | None = None
    """The value in Python for existing rows; the current time if it is `schema.Now()`."""
    is_filled: bool = False
    """Whether existing rows get `fill`; else they get NULL."""


@dataclass(frozen=True, slots=True)
class TableChange:
    """A table of the models, and all of its changes."""

    table: Table
    """The table in the models, from which SQLAlchemy makes DDL."""
    expected: TableDefinition
    found: TableDefinition | None = None
    """The live table, under its live name; None if the table is new."""
    columns: tuple[ColumnChange, ...] = ()
    """All columns that both have."""
    added: tuple[AddedColumn, ...] = ()
    released: tuple[Column, ...] = ()
    """Live columns that are not in the models, and become optional."""
    dropped: tuple[Column, ...] = ()
    """Live columns that are dropped, by `--drop`."""
    kept: tuple[Column, ...] = ()
    """Live columns that are not in the models, and stay as they are."""
    new_checks: tuple[Check, ...] = ()
    old_checks: tuple[Check, ...] = ()
    """Live rules that are removed, because the models have others or none."""
    widened_checks: tuple[Check, ...] = ()
    """Those of `new_checks` that accept all values that the live rule accepts."""
    renamed_checks: tuple[tuple[Check, Check], ...] = ()
    """Pairs of a live and an expected rule that differ in their names only."""
    new_uniques: tuple[Key, ...] = ()
    old_uniques: tuple[Key, ...] = ()
    """Live unique constraints that are removed."""
    new_foreign_keys: tuple[ForeignKey, ...] = ()
    old_foreign_keys: tuple[ForeignKey, ...] = ()
    new_indexes: tuple[Index, ...] = ()
    old_indexes: tuple[Index, ...] = ()
    """Live indexes that are removed. Unique ones may stand for a unique constraint."""
    renamed_constraints: tuple[tuple[str, str], ...] = ()
    """Live and new names of other constraints that follow from renamed tables and columns."""
    renamed_indexes: tuple[tuple[str, str], ...] = ()
    """The same for indexes."""
    same_indexes: tuple[tuple[str, str], ...] = ()
    """Live and new names of indexes as in the models that have none of the names of a spec."""
    unvalidated: tuple[str, ...] = ()
    """Live constraints as in the models that PostgreSQL has not checked for all rows."""
    key_changed: bool = False
    """Whether other columns are the primary key."""
    rows: int = 0
    """The number of rows, possibly estimated."""

    @property
    def is_new(self) -> bool:
        """Whether the table is created."""
        return self.found is None

    @property
    def live_name(self) -> str:
        """The name of the table in the database, before the change."""
        return self.expected.name if self.found is None else self.found.name

    @property
    def is_renamed(self) -> bool:
        """Whether the table gets another name."""
        return self.live_name != self.expected.name

    @property
    def live_columns(self) -> Mapping[str, str]:
        """The live names of the columns, by those of the models."""
        return {change.expected.name: change.found.name for change in self.columns}

    @property
    def is_changed(self) -> bool:
        """Whether anything changes, apart from names of constraints."""
        return (
            self.is_new
            or self.is_renamed
            or self.key_changed
            or any(change.is_changed for change in self.columns)
            or any(
                (
                    *(self.added, self.released, self.dropped),
                    *(self.new_checks, self.old_checks),
                    *(self.new_uniques, self.old_uniques),
                    *(self.new_foreign_keys, self.old_foreign_keys),
                    *(self.new_indexes, self.old_indexes),
                    self.unvalidated,
                )
            )
        )


@dataclass(frozen=True, slots=True)
class DroppedTable:
    """A live table that is dropped, by `--drop`."""

    found: TableDefinition
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of all tables, in the order in which tables refer to each other."""

    tables: tuple[TableChange, ...] = ()
    """Every table of the models, also unchanged ones."""
    dropped: tuple[DroppedTable, ...] = ()
