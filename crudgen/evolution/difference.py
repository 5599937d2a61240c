"""The changes from a live table to one of the models. Reason to change: another kind of change.

Nothing here reads a database. Both definitions have the names of the models, and their rules are
normalized.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from sqlalchemy import Table

from crudgen.kit.database.catalogue import Column, ForeignKey, TableDefinition
from crudgen.kit.database.comparison import same_collation, same_generator

from .changes import SAME, AddedColumn, ColumnChange, Conversion, TableChange
from .choices import Choices
from .constraints import Constraints
from .hints import Hints
from .pairing import Pair, fold_of
from .scope import ImpossibleChange, Scope
from .spec_words import spec_types

Convert = Callable[[str, str], Conversion | None]
"""Returns the conversion from one type of the catalogue to another; None if there is none."""
Retyped = Mapping[str, Collection[str]]
"""The columns whose types change, by table."""


def retyped_columns(pairs: Iterable[Pair]) -> Retyped:
    """Return the columns of the models whose types in the catalogue change."""
    found: dict[str, set[str]] = {}
    for pair in pairs:
        types = {column.name: column.type for column in pair.found.columns} if pair.found else {}
        found[pair.expected.name] = {
            column.name
            for column in pair.expected.columns
            if column.name in pair.live and types[pair.live[column.name]] != column.type
        }
    return found


class Difference:
    """The difference between an existing table and one of the models."""

    def __init__(  # noqa: PLR0913, PLR0917 -- all that the difference depends on
        self,
        pair: Pair,
        renamed: TableDefinition,
        found: TableDefinition,
        hints: Hints,
        choices: Choices,
        convert: Convert,
        dialect: str,
    ) -> None:
        self._pair = pair
        self._found = found
        self._renamed = renamed
        self._expected = pair.expected
        self._live = pair.live
        self._hints = hints
        self._choices = choices
        self._convert = convert
        self._is_sqlite = dialect == "sqlite"
        self._fold = fold_of(dialect)
        name = pair.expected.name
        known = {self._fold(column) for column in self._live}
        chosen = {self._fold(column) for table, column in choices.drops if table == name and column}
        left = {self._fold(column.name) for column in self._extra_columns()}
        self._dropped = chosen & left
        self._constraints = Constraints(
            Scope(
                found,
                renamed,
                pair.expected,
                {name, found.name, *hints.tables.get(name, ())},
                known,
                self._dropped,
                self._fold,
            )
        )
        self.impossible: list[ImpossibleChange] = []
        """What prevents the change, whatever the rows are."""

    @property
    def kept(self) -> list[str]:
        """The constraints, indexes and triggers that are kept, without foreign keys."""
        return [*self._constraints.kept, *(f"trigger {name}" for name in self._found.triggers)]

    @property
    def kept_foreign_keys(self) -> list[ForeignKey]:
        """The foreign keys that are kept."""
        return self._constraints.kept_foreign_keys

    def change(self, table: Table, retyped: Retyped) -> TableChange:
        """Return the change from the live table to the model."""
        columns = tuple(self._column_changes())
        left = self._extra_columns()
        dropped = [column for column in left if self._fold(column.name) in self._dropped]
        rest = [column for column in left if column not in dropped]
        released = [column for column in rest if _is_required_without_default(column)]
        change = TableChange(
            table,
            self._expected,
            self._found,
            columns,
            tuple(self._added_columns()),
            tuple(released),
            tuple(dropped),
            tuple(column for column in rest if column not in released),
        )
        change = self._constraints.with_constraint_changes(change, retyped)
        self.impossible += self._constraints.impossible
        return change

    def _column_changes(self) -> Iterator[ColumnChange]:
        """Yield the changes of the columns that both have."""
        there = {column.name: column for column in self._found.columns}
        for expected in self._expected.columns:
            if expected.name not in self._live:
                continue
            found = there[self._live[expected.name]]
            if found.is_generated != expected.is_generated:
                kind = "a generated column" if found.is_generated else "no generated column"
                self._add_impossible_change(
                    expected, f"is {kind} in the database", "change it by hand"
                )
            if found.on_conflict:
                self._add_impossible_change(
                    expected,
                    f"is NOT NULL {found.on_conflict} in the database",
                    "change it by hand: conflicts would not be errors",
                )
            # What the start tolerates is no change.
            if same_collation(found, expected, is_sqlite=self._is_sqlite):
                found = replace(found, collation=expected.collation)
            if same_generator(found, expected, self._expected.key):
                found = replace(found, generator=expected.generator)
            yield self._column_change(found, expected)

    def _column_change(self, found: Column, expected: Column) -> ColumnChange:
        conversion: Conversion | None = SAME
        if found.type != expected.type:
            conversion = self._convert(found.type, expected.type)
            if conversion is None:
                there, here = spec_types(found.type, expected.type)
                self._add_impossible_change(
                    expected,
                    f"there is no conversion from {there} to {here}",
                    "add a field with the new type under another name, and copy the values",
                )
            elif self._may_be_old_decimal(found, expected):
                self._add_ambiguous_integers_problem(expected)
        fill = None
        if found.nullable and not expected.nullable:
            fill = self._choices.fills.get((self._expected.name, expected.name))
        words = self._hints.words.get(self._expected.name, {}).get(expected.name, {})
        return ColumnChange(
            found, expected, conversion or SAME, self._used_words(words, expected), fill
        )

    def _used_words(self, words: Mapping[str, str], expected: Column) -> Mapping[str, str]:
        """Return the renamed words that rows may have: those that the live rule accepts.

        Returns all words if there is no rule, or if a rule is not validated.
        """
        rules = [one for one in self._renamed.checks if one.columns == {expected.name.lower()}]
        if not all(one.is_valid for one in rules) or not rules:
            return words
        return {
            old: new
            for old, new in words.items()
            if any("'" + old.replace("'", "''") + "'" in rule.sql for rule in rules)
        }

    def _may_be_old_decimal(self, found: Column, expected: Column) -> bool:
        """Return whether integers may be decimals, as an early version stored them."""
        is_decimal = expected.type.startswith("DECIMAL_AS_INT(")
        key = (self._expected.name, expected.name)
        return is_decimal and found.type == "BIGINT" and key not in self._choices.integers

    def _add_ambiguous_integers_problem(self, expected: Column) -> None:
        name = self._hints.names.get((self._expected.name, expected.name), expected.name)
        self.impossible.append(
            ImpossibleChange(
                expected.name,
                "the values may be integers, or decimals of an early version",
                f"if they are integers, so that 1999 becomes 1999.00: --integers {name}; if they"
                " are decimals, start the application: its message has the remedy",
                f"--integers {name}",
            )
        )

    def _add_impossible_change(self, column: Column, what: str, remedy: str) -> None:
        self.impossible.append(ImpossibleChange(column.name, what, remedy))

    def _added_columns(self) -> Iterator[AddedColumn]:
        defaults = self._hints.fills.get(self._expected.name, {})
        for column in self._expected.columns:
            if column.name in self._live:
                continue
            key = (self._expected.name, column.name)
            if key in self._choices.fills:
                yield AddedColumn(column, self._choices.fills[key], is_filled=True)
            elif column.name in defaults and not column.nullable:
                yield AddedColumn(column, defaults[column.name], is_filled=True)
            else:
                yield AddedColumn(column)

    def _extra_columns(self) -> list[Column]:
        """Return the live columns that the models do not have."""
        live = set(self._live.values())
        return [column for column in self._found.columns if column.name not in live]


def _is_required_without_default(column: Column) -> bool:
    """Return whether rows cannot be inserted without a value of the column."""
    return not (column.nullable or column.has_default or column.is_generated)
