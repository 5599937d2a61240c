"""What a revision does, on both databases. Reason to change: what a revision consists of.

The tables of the former spec are created in an empty SQLite database, in which the change is made.
For PostgreSQL, the models are compared.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Dialect, MetaData, create_engine
from sqlalchemy.pool import NullPool

from crudgen.evolution import postgresql
from crudgen.evolution.changes import Changes
from crudgen.evolution.choices import Choices
from crudgen.evolution.conditions import EVERY_ROW, Condition, conditions
from crudgen.evolution.hints import Hints
from crudgen.evolution.plan import Copy, Plan, Problem, Step
from crudgen.evolution.planning import Planning
from crudgen.evolution.statements import run
from crudgen.kit.database.catalogue import TableDefinition, read_tables, taken_names

from .without_database import PostgresqlChanges, dialect

_CREATE = re.compile(r"CREATE (?:TABLE|(?:UNIQUE )?INDEX)")


@dataclass(frozen=True, slots=True)
class Guard:
    """A SELECT for each database of rows that must not exist; empty if none is needed."""

    what: str
    sqlite: str = ""
    postgresql: str = ""
    flag: str = ""
    """The option that gives these rows a value."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a revision does."""

    plan: Plan
    """The changes in words, the problems and the notes."""
    guards: tuple[Guard, ...] = ()
    sqlite: tuple[str | Copy, ...] = ()
    postgresql: tuple[str, ...] = ()
    online: tuple[str, ...] = ()
    """Statements of PostgreSQL after the transaction; each can be repeated."""
    tables: Mapping[str, TableDefinition] = field(default_factory=dict)
    """The tables of SQLite after the change."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.sqlite or self.postgresql or self.online or self.plan.problems)


def draft(
    former: MetaData, present: MetaData, hints: Hints, choices: Choices | None = None
) -> Draft:
    """Return what leads from the tables of former models to those of the present ones.

    Raises ChoiceError.
    """
    choices = choices or Choices()
    engine = create_engine("sqlite://", poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        former.create_all(connection)
        planning = Planning(connection, present, hints, choices, renames_indexes=True)
        plan = planning.plan(is_done=False)
        tables = {} if plan.problems else _tables_after(connection, plan)
        widened = {
            (one.expected.name, check.name)
            for one in planning.changes.tables
            for check in one.widened_checks
        }
        here = _guard_conditions(
            connection.dialect, _without_widened_checks(planning.changes, widened), hints
        )
    there = PostgresqlChanges(former, present, hints, choices)
    changes = there.changes()
    steps = postgresql.steps_without_database(changes, dialect())
    known = {(one.table, one.column, one.what) for one in plan.problems}
    more = [
        Problem(table, one.column, one.what, one.remedy, flag=one.flag)
        for table, one in there.impossible
        if (table, one.column, one.what) not in known
    ]
    return Draft(
        plan=Plan(plan.steps or steps, (*plan.problems, *more), plan.notes, {}, plan.unused),
        guards=tuple(
            _guards(
                here,
                _guard_conditions(dialect(), _without_widened_checks(changes, widened), hints),
                hints,
            )
        ),
        sqlite=tuple(_sqlite_statements(plan, hints)),
        postgresql=tuple(
            sql for one in steps if not one.online for sql in _step_statements(one, hints)
        ),
        online=tuple(sql for one in steps if one.online for sql in one.sql),
        tables=tables,
    )


def _tables_after(connection: Connection, plan: Plan) -> dict[str, TableDefinition]:
    """Make the changes of a plan, and return all tables."""
    for step in plan.steps:
        for statement in step.sql:
            run(connection, statement)
    names = [name for name, kind in taken_names(connection).items() if kind == "table"]
    # The names are in lower case; a spec has them as they were created.
    return {one.name: one for one in read_tables(connection, names).values()}


def _without_widened_checks(
    changes: Changes, widened: Collection[tuple[str, str | None]]
) -> Changes:
    """Return changes without new rules that accept every row that their former rules accept."""
    tables = (
        replace(
            one,
            new_checks=tuple(
                check for check in one.new_checks if (one.expected.name, check.name) not in widened
            ),
        )
        for one in changes.tables
    )
    return replace(changes, tables=tuple(tables))


def _guard_conditions(dialect: Dialect, changes: Changes, hints: Hints) -> list[Condition]:
    """Return the conditions of rows that can prevent the changes."""
    groups = conditions(dialect, changes, hints, {})
    return [one for group in groups for one in group if _can_match_rows(one)]


def _can_match_rows(condition: Condition) -> bool:
    """Return whether existing rows can meet a condition.

    They have one value in an added column: it can only be missing, repeated, or refer to no row.
    """
    for added in condition.change.added:
        if added.expected.name == condition.column and condition.sql != EVERY_ROW:
            return added.is_filled and bool(condition.guard or condition.alias)
    return True


def _guards(here: Iterable[Condition], there: Iterable[Condition], hints: Hints) -> Iterator[Guard]:
    """Yield the guards of both databases. Two of the same rows become one."""
    others = list(there)
    for one in here:
        key = (one.change.expected.name, one.column, one.what)
        same = [
            other
            for other in others
            if (other.change.expected.name, other.column, other.what) == key
        ]
        there_too = same[0].select if same else ""
        yield Guard(_guard_text(one, hints), one.select, there_too, one.flag)
        if same:
            others.remove(same[0])
    for other in others:
        yield Guard(_guard_text(other, hints), postgresql=other.select)


def _guard_text(condition: Condition, hints: Hints) -> str:
    name = hints.name(condition.change.expected.name, condition.column)
    return f"{name}: rows {condition.what}"


def _sqlite_statements(plan: Plan, hints: Hints) -> Iterator[str | Copy]:
    copies = {one.sql: one for one in plan.copies}
    for step in plan.steps:
        if step.sql in copies:
            yield copies[step.sql]
        else:
            yield from _step_statements(step, hints)


def _step_statements(step: Step, hints: Hints) -> Iterator[str]:
    """Yield the statements of a step.

    A table of the kit is not in the spec of revisions: an earlier one may have created it.
    """
    is_of_kit = step.creates_table and (step.table, None) not in hints.names
    for sql in step.sql:
        yield _CREATE.sub(r"\g<0> IF NOT EXISTS", sql, count=1) if is_of_kit else sql
