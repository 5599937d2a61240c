"""Changes tables while a spec is edited. Reason to change: which changes need no command.

The spec is saved many times a day, often before it is finished. So only changes are made that lose
nothing and are over soon. A command makes the others, after their plan was read.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from sqlalchemy import MetaData

from crudgen.delivery.generation import Generation
from crudgen.delivery.table_watch import TableWatch
from crudgen.errors import TablesError
from crudgen.evolution.applying import ApplyOptions, RefusedError, Target, apply, watch_nothing
from crudgen.evolution.blockers import read_only_connection
from crudgen.evolution.connecting import Database
from crudgen.evolution.hints import Hints
from crudgen.evolution.internal import is_internal
from crudgen.evolution.notes import possible_rename_note
from crudgen.evolution.plan import Lock, Note, Plan, Problem, Risk, Step
from crudgen.evolution.revisions.recorded import recorded_revisions

MAX_ROWS = 200_000
"""Most rows of a table that is copied or read while requests wait."""
_COMMAND_ONLY = {Risk.CONVERTS, Risk.DROPS}
_SHORT = {Lock.INSTANT, Lock.BACKGROUND}


class ChangeReporter(Protocol):
    """Reports changes of tables to the user. The command line implements it."""

    def report_changes(self, plan: Plan, found: Hints) -> None:
        """Report the changes that were made."""

    def report_warnings(self, notes: Sequence[Note], found: Hints) -> None:
        """Report the warnings of a plan."""

    def report_wait(self, reason: str) -> None:
        """Report what a change of tables waits for."""


class TableFollower:
    """Changes the tables of a database to those of each new generation of the application."""

    def __init__(self, hints: Callable[[], Hints], reporter: ChangeReporter) -> None:
        """Set what returns the hints of the new generation, and what reports a change."""
        self._hints = hints
        self._reporter = reporter
        self._watch = TableWatch()

    def prepare_change(
        self, new: Generation, current: Generation | None
    ) -> Callable[[], None] | None:
        """Return a function that changes the tables, or None if there is nothing to do.

        Raises TablesError and DatabaseError. The function raises them too.
        """
        self._watch.prepare_change(new, current)
        found = self._hints()
        database, target = Database(new.database), Target(new.metadata, found)
        if not database.exists:
            return None
        with read_only_connection(database, self._reporter.report_wait) as connection:
            plan = target.plan(connection)
            has_revision = found.has_revisions and bool(recorded_revisions(connection))
        if has_revision:
            _check_needs_no_revision(plan, found)
            self._reporter.report_warnings(plan.warnings, found)
            return None
        before = None if current is None or current.database != new.database else current.metadata
        renames = [*_rename_notes(plan, found, new.metadata, before)]
        _check_needs_no_command(plan, found, renames)
        self._reporter.report_warnings(plan.warnings, found)
        if all(step.creates_table for step in plan.steps):
            return None  # the start creates missing tables

        def change() -> None:
            order = ApplyOptions(
                watch_nothing, self._reporter.report_wait, expected=plan.digest, backup=False
            )
            try:
                done = apply(database, target, order)
            except RefusedError as error:
                _check_needs_no_command(error.plan, found)
                raise
            self._reporter.report_changes(done.plan, found)

        return change

    def tables_have_changed(self) -> bool:
        """Return whether any table has changed since `prepare_change` was called."""
        return self._watch.tables_have_changed()

    def report_mistakes(self, current: Generation) -> None:
        """Report possible mistakes in a spec that was saved without a change of its code."""
        found = self._hints()
        with Database(current.database).read_only_connection() as connection:
            plan = Target(current.metadata, found).plan(connection)
        self._reporter.report_warnings(plan.warnings, found)


def _check_needs_no_command(
    plan: Plan, found: Hints, renames: Sequence[tuple[str, str]] = ()
) -> None:
    """Raise TablesError if the change needs a command."""
    reasons = [*_reasons_for_command(plan, found), *renames]
    if not reasons:
        return
    first = "the tables of the database were not changed: serve leaves this to crudgen apply"
    raise TablesError(
        "\n".join([first, *_reason_lines(reasons)]),
        _files_of_tables(reasons, found),
        is_possible=not plan.problems,
        may_be_renamed=bool(renames),
    )


def _check_needs_no_revision(plan: Plan, found: Hints) -> None:
    """Raise TablesError if a revision has to change the tables.

    Otherwise the next revision would not fit them. The start creates the tables of the kit.
    """
    changes: list[Step | Problem] = [
        one for one in plan.steps if not (one.creates_table and is_internal(one.table))
    ]
    reasons = [(one.table, _change_text(found, one)) for one in [*changes, *plan.problems]]
    if not reasons:
        return
    first = "the tables of the database were not changed: revisions change them"
    raise TablesError(
        "\n".join([first, *_reason_lines(reasons)]),
        _files_of_tables(reasons, found),
        by_revisions=True,
    )


def _reason_lines(reasons: Iterable[tuple[str, str]]) -> Iterator[str]:
    return (f"  {reason}" for _, reason in reasons)


def _files_of_tables(reasons: Iterable[tuple[str, str]], found: Hints) -> Iterator[str]:
    """Yield the spec files that define the tables of the reasons."""
    places = (found.places.get((table, None)) for table, _ in reasons)
    return (place.file for place in places if place)


def _change_text(found: Hints, one: Step | Problem) -> str:
    return f"{found.name(one.table, one.column)}: {one.what}"


def _reasons_for_command(plan: Plan, found: Hints) -> Iterator[tuple[str, str]]:
    """Yield each table that only `crudgen apply` can change, with the reason."""
    for problem in plan.problems:
        yield problem.table, _change_text(found, problem)
    for step in plan.steps:
        rows = plan.rows.get(step.table, 0)
        if step.risk in _COMMAND_ONLY:
            yield step.table, f"{_change_text(found, step)} {step.risk} values"
        elif rows >= MAX_ROWS and step.lock not in _SHORT:
            yield step.table, f"{_change_text(found, step)} takes long, for {rows:,} rows"


def _rename_notes(
    plan: Plan, found: Hints, new: MetaData, before: MetaData | None
) -> Iterator[tuple[str, str]]:
    """Yield a note for each new column or table that may be a renamed one, after the table."""
    noted = set()
    for note in plan.notes:
        if note.may_be is not None and _was_just_removed(note, found, before):
            noted.add(note.table)
            name = found.names.get((note.table, note.column), note.table)
            yield note.table, f"{name} {note.text}"
    former = {name for names in found.tables.values() for name in names}
    removed = [] if before is None else sorted(before.tables.keys() - new.tables.keys() - former)
    for step in plan.steps if removed else ():
        if step.creates_table and step.table not in noted:
            name = found.names.get((step.table, None), step.table)
            yield step.table, f"{name} {possible_rename_note(step.table, removed[0], found)}"


def _was_just_removed(note: Note, found: Hints, before: MetaData | None) -> bool:
    """Return whether the column that a new one may replace was in the spec until now."""
    if before is None:
        return True
    if note.column is None:
        return note.may_be in before.tables
    names = [note.table, *found.tables.get(note.table, ())]
    tables = [before.tables[name] for name in names if name in before.tables]
    return any(column.name == note.may_be for table in tables[:1] for column in table.columns)
