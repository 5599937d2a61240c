"""Changes tables while a spec is edited. Reason to change: which changes need no command.

The spec is saved many times a day, often before it is finished. So only changes are made that lose
nothing and are over soon. A command makes the others, after their plan was read.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

from sqlalchemy import MetaData

from crudgen.delivery.generation import Generation
from crudgen.delivery.switch import TablesError
from crudgen.evolution.applying import Order, Target, apply
from crudgen.evolution.connecting import Database
from crudgen.evolution.hints import Hints
from crudgen.evolution.plan import Lock, Note, Plan, Risk, Step

MAX_ROWS = 200_000
"""Most rows of a table that is copied or read while requests wait."""
_COMMAND_ONLY = {Risk.CONVERTS, Risk.DROPS}
_SHORT = {Lock.INSTANT, Lock.BACKGROUND}

Report: TypeAlias = Callable[[Plan, Hints], None]


class NotFollowedError(TablesError):
    """The change of the tables needs a command."""

    def __init__(
        self,
        plan: Plan,
        found: Hints,
        reasons: Sequence[tuple[str, str]],
        *,
        may_be_renamed: bool = False,
    ) -> None:
        """Set the `reasons`, each with its table."""
        self.plan = plan
        self.may_be_renamed = may_be_renamed
        places = [found.places.get((table, None)) for table, _ in reasons]
        lines = [f"  {reason}" for _, reason in reasons]
        message = "\n".join(["the tables of the database were not changed", *lines])
        super().__init__(message, [place.file for place in places if place])


class Follower:
    """Changes the tables of a database to those of each new generation."""

    def __init__(self, hints: Callable[[], Hints], report: Report) -> None:
        """Set what returns the hints of the new generation, and what reports a change."""
        self._hints = hints
        self._report = report

    def change_for(self, new: Generation, current: Generation | None) -> Callable[[], None] | None:
        """Return a function that changes the tables, or None if there is nothing to do.

        Raises NotFollowedError, and DatabaseError. The function raises them too.
        """
        found = self._hints()
        database, target = Database(new.database), Target(new.metadata, found)
        if not database.exists:
            return None
        with database.reading() as connection:
            plan = target.plan(connection)
        before = None if current is None or current.database != new.database else current.metadata
        reasons = [*_reasons(plan, found)]
        renames = [*_possible_renames(plan, found, new.metadata, before)]
        if reasons or renames:
            raise NotFollowedError(plan, found, [*reasons, *renames], may_be_renamed=bool(renames))
        if all(step.creates_table for step in plan.steps):
            return None  # the start creates missing tables

        def change() -> None:
            order = Order(_unwatched, _ignore, expected=plan.digest, backup=False)
            self._report(apply(database, target, order).plan, found)

        return change


def _reasons(plan: Plan, found: Hints) -> Iterator[tuple[str, str]]:
    """Yield why the change of a table needs a command, with the table."""
    for problem in plan.problems:
        name = found.names.get((problem.table, problem.column), problem.table)
        yield problem.table, f"{name}: {problem.what}"
    for step in plan.steps:
        rows = plan.rows.get(step.table, 0)
        name = found.names.get((step.table, step.column), step.table)
        if step.risk in _COMMAND_ONLY:
            yield step.table, f"{name}: {step.what} {step.risk} values"
        elif rows >= MAX_ROWS and step.lock not in _SHORT:
            yield step.table, f"{name}: {step.what} takes long, for {rows:,} rows"


def _possible_renames(
    plan: Plan, found: Hints, new: MetaData, before: MetaData | None
) -> Iterator[tuple[str, str]]:
    """Yield new columns and tables that may be former ones under another name, with the table."""
    for note in plan.notes:
        if note.may_be is not None and _was_removed_now(note, found, before):
            name = found.names.get((note.table, note.column), note.table)
            yield note.table, f"{name} {note.text}"
    former = {name for names in found.tables.values() for name in names}
    removed = [] if before is None else sorted(before.tables.keys() - new.tables.keys() - former)
    for step in plan.steps if removed else ():
        if step.creates_table:
            name = found.names.get((step.table, None), step.table)
            question = f"if {removed[0]} was renamed, write was: {removed[0]}"
            yield step.table, f"{name} is new, and {removed[0]} is not in the spec: {question}"


def _was_removed_now(note: Note, found: Hints, before: MetaData | None) -> bool:
    """Return whether the column that a new one may be was in the spec until now."""
    if before is None:
        return True
    names = [note.table, *found.tables.get(note.table, ())]
    tables = [before.tables[name] for name in names if name in before.tables]
    return any(column.name == note.may_be for table in tables[:1] for column in table.columns)


def _unwatched(_: Step) -> AbstractContextManager[None]:
    return nullcontext()


def _ignore() -> None:
    """Say nothing: another process changes the database."""
