"""A database and models → a plan. Reason to change: what a plan consists of."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection, MetaData

from crudgen.kit.database.catalogue import (
    Check,
    TableDefinition,
    count_test_values,
    expected_tables,
    normalize_checks,
    read_tables,
    taken_names,
)
from crudgen.kit.database.comparison import compare

from . import postgresql, sqlite
from .changes import Changes, DroppedTable, TableChange
from .choices import Choices
from .conversions import conversion
from .counting import count_problems as counted
from .difference import Difference, retyped_columns
from .hints import Hints
from .index_names import with_new_names, without_name_clashes
from .internal import extension_tables
from .notes import (
    note_foreign_keys,
    note_former_columns,
    note_former_tables,
    note_new_tables,
    note_renames,
    note_unknown_tables,
    notes_of,
)
from .pairing import Pair, fold_of, former_names, pair_tables
from .plan import DatabaseSteps, Note, Plan, Problem
from .scope import ImpossibleChange
from .statements import count_rows
from .unknown import unknown_tables
from .unused import LiveNames, UnusedOptionError, unused_options

_STEP_BUILDERS = {"sqlite": sqlite.database_steps, "postgresql": postgresql.database_steps}


def make_plan(
    connection: Connection,
    metadata: MetaData,
    hints: Hints,
    choices: Choices | None = None,
    *,
    is_done: bool = False,
) -> Plan:
    """Return the plan that makes the tables of a database those of the models.

    Only reads, in the transaction of the connection. Raises UnusedOptionError for options without
    effect, unless the changes are done already.
    """
    return Planning(connection, metadata, hints, choices or Choices()).plan(is_done=is_done)


class Planning:
    """The plan of one database.

    With `renames_indexes`, indexes of renamed columns are created again on SQLite, which cannot
    rename them.
    """

    def __init__(
        self,
        connection: Connection,
        metadata: MetaData,
        hints: Hints,
        choices: Choices,
        *,
        renames_indexes: bool = False,
    ) -> None:
        self._connection = connection
        self._tables = metadata.sorted_tables
        self._hints = hints
        self._choices = choices
        self._renames_indexes = renames_indexes
        self._dialect = connection.dialect.name
        self._fold = fold_of(self._dialect)
        self._taken = taken_names(connection)
        self._parts = frozenset(map(self._fold, extension_tables(connection)))
        self._problems: list[Problem] = []
        self._notes: list[Note] = []
        self._refused: dict[str, set[str]] = {}
        self.changes = Changes()
        """The changes of the plan, once it is made."""

    def plan(self, *, is_done: bool) -> Plan:
        """Return the plan."""
        pairs = self._table_pairs()
        dropped = self._dropped_tables(pairs)
        changes = [self._with_row_count(change) for change in self._table_changes(pairs)]
        if self._dialect == "sqlite":
            freed = with_new_names if self._renames_indexes else without_name_clashes
            changes = freed(changes)
        names_taken = list(self._taken_name_problems(changes))
        self._problems += names_taken
        self.changes = Changes(tuple(changes), dropped)
        unused = [] if is_done else self._unused_options(self.changes, pairs)
        if not is_done:  # others wait for the locks, and the rows were counted before
            self._problems += counted(self._connection, self.changes, self._hints, self._refused)
        lowered = self._database_steps(self.changes)
        steps = lowered.steps
        said = {one.table for one in names_taken}
        self._problems += [one for one in lowered.problems if one.table not in said]
        touched = {step.table for step in steps} | {one.table for one in self._problems}
        self._problems += self._other_differences(pairs, touched)
        self._note_unknown_tables(pairs, self.changes)
        rows = {one.expected.name: one.rows for one in changes if one.expected.name in touched}
        rows |= {one.found.name: one.rows for one in dropped}
        problems = tuple(replace(one, place=self._place_of(one)) for one in self._problems)
        plan = Plan(steps, problems, tuple(self._notes), rows, tuple(unused), lowered.copies)
        if unused and any(not step.creates_table for step in plan.transaction_steps):
            more = [f"  {one}" for one in unused[1:]]
            remedy = "  remove what has no effect, or correct it"
            raise UnusedOptionError("\n".join([unused[0], *more, remedy]))
        return plan

    def _note_unknown_tables(self, pairs: Mapping[str, Pair], changes: Changes) -> None:
        """Add notes of tables that are not in the spec."""
        pairs_found = list(pairs.values())
        taken = {name: kind for name, kind in self._taken.items() if name not in self._parts}
        unknown = unknown_tables(self._connection, taken, pairs_found, changes.dropped)
        hints, fold = self._hints, self._fold
        self._notes += note_former_tables(pairs_found, self._found, unknown, hints, fold)
        self._notes += note_new_tables(changes.tables, unknown, hints, fold)
        known = {one.found.name.lower() for one in pairs_found if one.found}
        self._notes += note_unknown_tables(unknown, known, self._dialect)

    def _place_of(self, problem: Problem) -> str:
        """Return where the spec defines what a problem is about."""
        if problem.place:
            return problem.place
        places = self._hints.places
        table = places.get((problem.table, None))
        return str(places.get((problem.table, problem.column), table) or "")

    def _table_pairs(self) -> dict[str, Pair]:
        """Return the tables of the models, each with the live one, and normalized rules."""
        names = {table.name for table in self._tables} | former_names(self._hints)
        names |= {table for table, column in self._choices.drops if column is None}
        found = read_tables(self._connection, names)
        expected = expected_tables(self._connection, self._tables)
        pairs = pair_tables(found, expected, self._hints, self._fold)
        self._found = found
        return {
            table.name: self._with_normalized_checks(pairs[table.name]) for table in self._tables
        }

    def _with_normalized_checks(self, one: Pair) -> Pair:
        if one.renamed is None or one.renamed.checks == one.expected.checks:
            return one
        renamed, expected = normalize_checks(self._connection, one.renamed, one.expected)
        return replace(one, renamed=renamed, expected=expected)

    def _table_changes(self, pairs: Mapping[str, Pair]) -> Iterator[TableChange]:
        retyped = retyped_columns(pairs.values())
        version = self._connection.dialect.server_version_info or (0,)
        convert = partial(conversion, self._dialect, version=int(version[0]))
        for table in self._tables:
            one = pairs[table.name]
            if one.found is None or one.renamed is None:
                yield TableChange(table, one.expected)
                continue
            if one.found.kind != "table":
                self._add_impossible_changes(
                    table.name,
                    ImpossibleChange(
                        None,
                        f"a {one.found.kind} has this name",
                        "rename it, or give the entity another table: `table: other_name`",
                    ),
                )
                yield TableChange(table, one.expected, one.found)
                continue
            difference = Difference(
                one, one.renamed, one.found, self._hints, self._choices, convert, self._dialect
            )
            change = difference.change(table, retyped)
            change = replace(
                change, widened_checks=self._widened_checks(change, one.found, one.renamed)
            )
            for impossible in difference.impossible:
                self._add_impossible_changes(table.name, impossible)
            self._notes += notes_of(change, difference.kept, self._hints)
            self._notes += note_foreign_keys(
                change, difference.kept_foreign_keys, self._hints, self._dialect
            )
            self._notes += note_renames(change, self._hints)
            self._notes += note_former_columns(change, self._hints, self._fold)
            yield change

    def _widened_checks(
        self, change: TableChange, found: TableDefinition, renamed: TableDefinition
    ) -> tuple[Check, ...]:
        """Return the new rules that accept all values that the rule before them accepts."""
        pairs = list(zip(found.checks, renamed.checks, strict=True))
        widened = []
        for new in change.new_checks:
            old = [
                after
                for live, after in pairs
                if live in change.old_checks and after.columns == new.columns
            ]
            if len(old) == 1:
                condition = f"({old[0].sql}) IS NOT FALSE AND ({new.sql}) IS FALSE"
                checks = (old[0], new)
                if count_test_values(self._connection, renamed, checks, condition) == 0:
                    widened.append(new)
        return tuple(widened)

    def _add_impossible_changes(self, table: str, impossible: ImpossibleChange) -> None:
        self._refused.setdefault(table, set())
        if impossible.column is not None:
            self._refused[table].add(impossible.column)
        self._problems.append(
            Problem(
                table,
                impossible.column,
                impossible.what,
                impossible.remedy,
                flag=impossible.flag,
            )
        )

    def _database_steps(self, changes: Changes) -> DatabaseSteps:
        """Return the steps of the tables that can be changed, and what prevents them."""
        build = _STEP_BUILDERS[self._dialect]
        steps = build(self._possible_changes(changes), self._connection)
        if not (self._refused and steps.problems):
            return steps
        # A table that cannot be changed keeps its name and its foreign keys. If these prevent the
        # change of another table, that is no problem of its own.
        own = set(build(changes, self._connection).problems)
        return replace(steps, problems=tuple(one for one in steps.problems if one in own))

    def _possible_changes(self, changes: Changes) -> Changes:
        """Return the changes without those of tables that cannot be changed."""
        return replace(
            changes,
            tables=tuple(
                TableChange(one.table, one.expected, one.found)
                if one.expected.name in self._refused
                else one
                for one in changes.tables
            ),
        )

    def _with_row_count(self, change: TableChange) -> TableChange:
        if change.found is None or not change.is_changed or change.found.kind != "table":
            return change
        return replace(change, rows=count_rows(self._connection, change.live_name))

    def _dropped_tables(self, pairs: Mapping[str, Pair]) -> tuple[DroppedTable, ...]:
        """Return the tables to drop: by `--drop`, and not of the spec."""
        used = {self._fold(one.found.name) for one in pairs.values() if one.found}
        dropped = [
            self._found[table]
            for table, column in sorted(self._choices.drops, key=str)
            if column is None and table in self._found and self._fold(table) not in used
        ]
        return tuple(
            DroppedTable(table, count_rows(self._connection, table.name))
            for table in dropped
            if table.kind == "table" and self._fold(table.name) not in self._parts
        )

    def _unused_options(self, changes: Changes, pairs: Mapping[str, Pair]) -> list[str]:
        """Return which options have no effect."""
        used = {self._fold(one.found.name): name for name, one in pairs.items() if one.found}
        live = LiveNames(self._taken, used, self._parts, self._fold)
        return unused_options(self._choices, changes, live, self._hints)

    def _taken_name_problems(self, changes: Collection[TableChange]) -> Iterator[Problem]:
        """Yield the problems of new tables whose name another object has."""
        leaving = {one.live_name for one in changes if one.is_renamed}
        for change in changes:
            name = change.expected.name
            kind = self._taken.get(self._fold(name))
            if change.is_new and kind is not None and name not in leaving and kind != "table":
                article = "an" if kind == "index" else "a"
                yield Problem(name, None, f"{article} {kind} has this name", f"rename the {kind}")

    def _other_differences(
        self, pairs: Mapping[str, Pair], touched: Collection[str]
    ) -> Iterator[Problem]:
        """Yield the differences that prevent a start, and that no step removes."""
        for name, one in pairs.items():
            if one.renamed is None or name in touched:
                continue
            for finding in compare(one.renamed, one.expected):
                if finding.prevents_start:
                    yield Problem(name, None, finding.text, "change the table by hand")
