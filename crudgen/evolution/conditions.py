"""Which rows prevent a change, as conditions in SQL. Reason to change: what prevents a change.

Conditions are about live columns: those of the models are replaced by the expressions that will
compute them. Nothing here reads a database.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Dialect

from crudgen.kit.database.catalogue import Check, ForeignKey, Key
from crudgen.kit.database.catalogue.explain import quoted

from .changes import AddedColumn, Changes, ColumnChange, TableChange
from .expressions import new_value_sql, survival_condition, value_literal
from .hints import Hints
from .pairing import fold_of, with_columns
from .spec_words import removed_words, spec_types

EVERY_ROW = "1 = 1"
Refused = Mapping[str, Collection[str]]
"""Columns whose change is not possible, by table: nothing is counted for them."""


def conditions(
    dialect: Dialect, changes: Changes, hints: Hints, refused: Refused
) -> "Iterator[Sequence[Condition]]":
    """Yield groups of conditions on rows that prevent changes; one scan counts those of a group."""
    tables = {change.expected.name: change for change in changes.tables}
    for change in changes.tables:
        if change.found is not None and change.is_changed:
            skipped = refused.get(change.expected.name, ())
            yield from _TableConditions(dialect, change, tables, hints, skipped).conditions()


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that is true for rows that prevent a change, and its message."""

    change: TableChange
    column: str | None
    sql: str
    what: str
    """What is wrong with the rows; it follows their number."""
    remedy: str
    flag: str = ""
    alias: str = ""
    """What the condition calls the table, if not by its name."""
    order: Sequence[str] = field(default=())
    """What brings rows together that belong together."""
    place: str = ""
    """Where the spec defines the rule, if it is not that of the column or table."""
    guard: str = ""
    """A SELECT without rows if no row is in the way. It is faster than the condition."""

    @property
    def source(self) -> str:
        """What FROM names: the live table."""
        table = quoted(self.change.live_name)
        return f"{table} AS {self.alias}" if self.alias else table

    @property
    def select(self) -> str:
        """The statement that shows the rows."""
        where = "" if self.sql == EVERY_ROW else f" WHERE {self.sql}"
        order = f" ORDER BY {', '.join(self.order)}" if self.order else ""
        return f"SELECT {self.prefix}* FROM {self.source}{where}{order}"

    @property
    def prefix(self) -> str:
        """What precedes the name of a column."""
        return f"{self.alias}." if self.alias else ""


class _TableConditions:
    """Builds the conditions on the rows of one table."""

    def __init__(
        self,
        dialect: Dialect,
        change: TableChange,
        tables: Mapping[str, TableChange],
        hints: Hints,
        refused: Collection[str],
    ) -> None:
        self._dialect = dialect
        self._change = change
        self._tables = tables
        self._hints = hints
        self._refused = refused
        self._fold = fold_of(dialect.name)

    def conditions(self) -> Iterator[Sequence[Condition]]:
        """Yield the conditions: missing and invalid values, duplicates, missing targets."""
        yield [
            *self._missing_values(),
            *self._unconvertible_values(),
            *(self._rule_condition(check) for check in self._rules_to_check()),
        ]
        for key in self._keys_to_check():
            yield [self._duplicates_condition(key)]
        for reference in self._references_to_check():
            if not self._has_refused_column(reference.columns):
                yield [self._orphans_condition(reference)]

    def _shown_name(self, column: str) -> str:
        return self._hints.name(self._change.expected.name, column)

    def _has_refused_column(self, columns: Collection[str]) -> bool:
        refused = {self._fold(name) for name in self._refused}
        return not refused.isdisjoint(map(self._fold, columns))

    def _new_value(self, column: str, alias: str = "") -> str:
        """Return SQL for the new value of a column; NULL for one that cannot be converted."""
        return _new_value(self._dialect, self._change, column, alias)

    def _missing_values(self) -> Iterator[Condition]:
        """Yield the conditions of required columns without a value."""
        for change in self._change.columns:
            if change.becomes_required and change.fill is None:
                name = self._shown_name(change.expected.name)
                yield Condition(
                    self._change,
                    change.expected.name,
                    f"{quoted(change.found.name)} IS NULL",
                    "without a value",
                    f"give them one: --fill {name}=VALUE; or make the field optional: `?`",
                    f"--fill {name}=VALUE",
                )
        expected = self._change.expected
        key = expected.key.columns if self._change.key_changed and expected.key else ()
        for added in self._change.added:
            if added.expected.name in key:
                continue  # that the key changes is a problem already
            if not added.expected.nullable and not added.is_filled:
                name = self._shown_name(added.expected.name)
                yield Condition(
                    self._change,
                    added.expected.name,
                    EVERY_ROW,
                    "need a value",
                    f"give them one: --fill {name}=VALUE; or give the field a default, or make it"
                    " optional: `?`",
                    f"--fill {name}=VALUE",
                )

    def _unconvertible_values(self) -> Iterator[Condition]:
        for change in self._change.columns:
            name = quoted(change.found.name)
            condition = survival_condition(change, name)
            if condition is not None and change.expected.name not in self._refused:
                there, here = spec_types(change.found.type, change.expected.type)
                yield Condition(
                    self._change,
                    change.expected.name,
                    f"{name} IS NOT NULL AND NOT coalesce(({condition}), false)",
                    f"with a value that does not convert from {there} to {here}",
                    "change the values, or undo the change of the type",
                )

    def _changed_columns(self) -> set[str]:
        """Return the columns whose values change, for comparison."""
        return {
            *(self._fold(one.expected.name) for one in self._change.columns if one.changes_values),
            *(self._fold(one.expected.name) for one in self._change.added),
        }

    def _rules_to_check(self) -> list[Check]:
        """Return the rules that existing rows may violate."""
        changed = {name.lower() for name in self._changed_columns()}
        return [
            check
            for check in self._change.expected.checks
            if (
                check in self._change.new_checks
                or check.name in self._change.unvalidated
                or not changed.isdisjoint(check.columns)
            )
            and not self._has_refused_column(check.columns)
        ]

    def _references_to_check(self) -> list[ForeignKey]:
        """Return the foreign keys that existing rows may violate."""
        new, unvalidated = self._change.new_foreign_keys, self._change.unvalidated
        filled = {one.expected.name for one in self._change.columns if one.fill is not None}
        return [
            key
            for key in self._change.expected.foreign_keys
            if key in new or key.name in unvalidated or not filled.isdisjoint(key.columns)
        ]

    def _rule_condition(self, check: Check) -> Condition:
        columns: list[ColumnChange | AddedColumn] = [*self._change.columns, *self._change.added]
        texts = {
            self._fold(one.expected.name): self._new_value(one.expected.name)
            for one in columns
            if _differs(one)
        }
        names = [one.expected.name for one in columns if one.expected.name.lower() in check.columns]
        value = "a value that violates" if len(names) == 1 else "values that violate"
        what = f"with {value} the rule: {check.sql}"
        remedy = "change the values, or undo the change of the rule"
        if words := removed_words(self._change, check):
            what = f"with a word that the spec does not have: {', '.join(words)}"
            remedy = f"give it a new one, `renamed: {{{words[0]}: …}}`, or change the rows"
        column = names[0] if len(names) == 1 else None
        condition = f"NOT ({with_columns(check.sql, texts, self._fold)})"
        place = self._hints.places.get((self._change.expected.name, check.name))
        return Condition(self._change, column, condition, what, remedy, place=str(place or ""))

    def _keys_to_check(self) -> Iterator[Key]:
        """Yield the unique keys that existing rows may violate."""
        expected = self._change.expected
        new = [*self._change.new_uniques]
        new += [Key(one.name, one.columns) for one in self._change.new_indexes if one.is_unique]
        changed = self._changed_columns()
        for key in expected.unique_keys + ((expected.key,) if expected.key else ()):
            columns = set(map(self._fold, key.columns))
            is_new = key in new or columns in [set(map(self._fold, one.columns)) for one in new]
            if (is_new or not columns.isdisjoint(changed)) and not self._has_refused_column(
                columns
            ):
                yield key

    def _duplicates_condition(self, key: Key) -> Condition:
        """Return the condition of rows that have the same values in a unique key."""
        values = [self._new_value(column) for column in key.columns]
        names = [f"c{number}" for number in range(len(values))]
        selected = ", ".join(f"{one} AS {name}" for one, name in zip(values, names, strict=True))
        columns = ", ".join(names)
        present = " AND ".join(f"{name} IS NOT NULL" for name in names)
        doubles = (
            f"SELECT {columns} FROM (SELECT {selected} FROM {quoted(self._change.live_name)}) AS v"
            f" WHERE {present} GROUP BY {columns} HAVING count(*) > 1"
        )
        row = ", ".join(values)
        added = {one.expected.name for one in self._change.added}  # all rows have the same value
        what = " and ".join(key.columns)
        return Condition(
            self._change,
            key.columns[0] if len(key.columns) == 1 else None,
            f"({row}) IN ({doubles})",
            f"with the same {what} as another row, which must be unique",
            "change or delete all but one of each",
            order=[self._new_value(column) for column in key.columns if column not in added],
            guard=f"SELECT 1 FROM ({doubles} LIMIT 1) AS d",
        )

    def _orphans_condition(self, reference: ForeignKey) -> Condition:
        """Return the condition of rows that refer to a missing row."""
        target = self._tables.get(reference.target)
        own = [self._new_value(column, "own.") for column in reference.columns]
        present = [f"{value} IS NOT NULL" for value in own]
        if target is not None and target.found is not None:
            others = [
                _new_value(self._dialect, target, column, "other.")
                for column in reference.target_columns
            ]
            equal = " AND ".join(f"{a} = {b}" for a, b in zip(others, own, strict=True))
            source = f"{quoted(target.live_name)} AS other"
            present.append(f"NOT EXISTS (SELECT 1 FROM {source} WHERE {equal})")
        return Condition(
            self._change,
            reference.columns[0] if len(reference.columns) == 1 else None,
            " AND ".join(present),
            f"that refer to no row of {reference.target}",
            "change or delete them, or add the rows that they refer to",
            alias="own",
        )


def _differs(change: ColumnChange | AddedColumn) -> bool:
    """Return whether the live column has another name or value, or does not exist."""
    return isinstance(change, AddedColumn) or change.changes_values or change.is_renamed


def _new_value(dialect: Dialect, change: TableChange, name: str, alias: str) -> str:
    """Return SQL for the new value of a column; NULL for one that cannot be converted."""
    by_name = {one.name: one for one in change.table.columns}
    for one in change.columns:
        if one.expected.name == name:
            live = alias + quoted(one.found.name)
            if not one.changes_values:
                return live
            value, condition = (
                new_value_sql(one, live, by_name[name], dialect),
                survival_condition(one, live),
            )
            # NULL survives: it is filled.
            guard = None if condition is None else f"{live} IS NULL OR ({condition})"
            return f"({value})" if guard is None else f"(CASE WHEN {guard} THEN {value} END)"
    (added,) = (one for one in change.added if one.expected.name == name)
    value = value_literal(added.fill, by_name[name], dialect) if added.is_filled else "NULL"
    is_typed = dialect.name == "postgresql"
    return f"CAST({value} AS {added.expected.type})" if is_typed else f"({value})"
