"""`plan` and `apply` in a project with revisions. Reason to change: how a database follows them.

The revisions change a database, and the spec does so by its next revision.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crudgen.cli import console, database_options, plan_output, source, unrevised_changes
from crudgen.errors import CrudgenError, DatabaseError

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

    from crudgen.evolution.plan import Plan
    from crudgen.evolution.revisions.history import Revision

_CHANGES = 3


@dataclass(frozen=True, slots=True)
class State:
    """A database, the revisions that have run, and what it lacks."""

    change: database_options.Change
    recorded: tuple[str, ...]
    """The last revisions that have run."""
    pending: tuple["Revision", ...]
    """The revisions that have not run, in their order."""
    unrevised: unrevised_changes.UnrevisedChanges
    """The changes of the spec that no revision has."""
    drift: "Plan | None"
    """How the database differs from the revisions that have run; None if that is not known."""
    left: "Plan"
    """How the database differs from the spec."""

    @property
    def has_drift(self) -> bool:
        """Whether the database is known to differ from the revisions that have run."""
        return self.drift is not None and not self.drift.is_empty

    @property
    def is_as_the_spec(self) -> bool:
        """Whether the tables are those of the spec, whichever revisions have run."""
        return self.left.is_empty and self.unrevised.draft.is_empty

    @property
    def only_records(self) -> bool:
        """Whether `apply` records revisions that need not run: something else created the tables.

        A revision that the user wrote must run.
        """
        own = any(not one.after and not one.is_online for one in self.pending)
        return bool(self.pending) and not self.recorded and self.is_as_the_spec and not own

    @property
    def is_current(self) -> bool:
        """Whether there is nothing to do."""
        is_recorded = not self.pending and self.unrevised.draft.is_empty
        return is_recorded and not self.has_drift


def has_revisions(entities: Path, out: Path) -> bool:
    """Return whether a project has files of revisions, and uses them. Raises SpecError."""
    return any((out / unrevised_changes.FOLDER).glob("*.py")) and source.load(entities).migrations


def check_revision_files(
    change: database_options.Change, out: Path, waiting: Callable[[str], None]
) -> None:
    """Raise RevisionError if the database has a revision, and the folder has no file of it."""
    if not change.has_migrations:
        return
    from crudgen.evolution.blockers import read_only_connection  # noqa: PLC0415 -- lazy
    from crudgen.evolution.revisions import history  # noqa: PLC0415 -- lazy
    from crudgen.evolution.revisions.recorded import recorded_revisions  # noqa: PLC0415 -- lazy

    with read_only_connection(change.database, waiting) as connection:
        history.read(out / unrevised_changes.FOLDER).revisions_until(recorded_revisions(connection))


@contextmanager
def opened_migration_state(
    entities: Path, out: Path, url: str | None, waiting: Callable[[str], None]
) -> Iterator[State]:
    """Yield the state of the database. Raises CrudgenError."""
    from crudgen.evolution.blockers import read_only_connection  # noqa: PLC0415 -- lazy
    from crudgen.evolution.revisions.recorded import recorded_revisions  # noqa: PLC0415 -- lazy

    schema, tree = source.render_to_serve(source.read(entities))
    found = unrevised_changes.find(schema, tree, out)
    with database_options.opened_target_of((schema, tree), url) as change:
        with read_only_connection(change.database, waiting) as connection:
            names = recorded_revisions(connection)
            has = found.history.revisions_until(names)
            done = {one.name for one in has.revisions}
            pending = tuple(one for one in found.history.revisions if one.name not in done)
            # The spec of a revision is that after its rest, the part in the background.
            is_partial = any(one.is_online and done.issuperset(one.down) for one in pending)
            drift = None
            if names and not is_partial:
                drift = _drift_of(connection, has.spec(), change.target.metadata)
            left = change.target.plan(connection)
        yield State(change, names, pending, found, drift, left)


def _drift_of(
    connection: "Connection", texts: dict[str, str], present: "MetaData"
) -> "Plan | None":
    """Return how a database differs from the tables of the spec that revisions recorded.

    `present` are the tables of the spec. They have the other columns of the tables of users.
    """
    from crudgen.evolution.hints import hints  # noqa: PLC0415 -- lazy
    from crudgen.evolution.planning import make_plan  # noqa: PLC0415 -- lazy
    from crudgen.evolution.revisions import former_spec, user_tables  # noqa: PLC0415 -- lazy

    schema = former_spec.load(texts)
    if schema is None:
        return None
    users = user_tables.recorded_targets(texts)
    with unrevised_changes.tables_of(schema) as metadata:
        if users.keys() <= present.tables.keys():
            user_tables.add_tables(metadata, present, users, schema)
        return make_plan(connection, metadata, hints(schema)).without_notes()


def show(state: State, entities: Path, out: Path, *, with_sql: bool = False) -> int:
    """Print what a database lacks: three lists. Return the exit code."""
    console.say(f"database {state.change.database.where}")
    console.say(f"revision {', '.join(state.recorded) or 'none is recorded'}")
    if state.pending:
        console.say()
        console.say("revisions that have not run:")
        for one in state.pending:
            console.say(f"  {one.name}  {one.file}")
    found = state.unrevised
    if not found.draft.is_empty:
        console.say()
        console.say("changes of the spec that no revision has:")
        plan_output.show(found.draft.plan, found.hints.names, with_sql=with_sql)
    if state.drift is not None and not state.drift.is_empty:
        console.say()
        console.say(
            "the database differs from the revisions that have run; to match them, it needs:"
        )
        plan_output.show(state.drift, {}, with_sql=with_sql)
    console.say()
    for line in _next_steps(state, entities, out):
        console.say(line, "green" if state.is_current else "")
    return exit_code(state)


def _next_steps(state: State, entities: Path, out: Path) -> Iterator[str]:
    if state.is_current:
        yield "nothing to do: the database has all revisions, and they lead to the spec"
        return
    if not state.unrevised.draft.is_empty:
        command = unrevised_changes.revision_command(entities, out)
        yield f'write a revision first: {command} -m "what it does"'
    if state.has_drift:
        yield "the database was changed outside of the revisions: undo that, or change the spec"
    if state.only_records:
        yield "the tables are those of the spec: `crudgen apply` only records the revisions"
    elif state.pending:
        count = source.count(len(state.pending), "revision")
        yield f"{count} to run; run them with: crudgen apply"


def exit_code(state: State) -> int:
    """Return 0 if there is nothing to do, 3 if revisions are to run, and 1 if more is to do."""
    if not state.unrevised.draft.is_empty or (state.has_drift and not state.is_as_the_spec):
        return 1
    return _CHANGES if state.pending else 0


def as_json(state: State) -> str:
    """Return the pending revisions, the unrevised changes and the drift as a JSON object."""
    report = {
        "database": state.change.database.where,
        "recorded": list(state.recorded),
        "pending": [one.name for one in state.pending],
        "unrevised": state.unrevised.draft.plan.as_json(),
        "drift": None if state.drift is None else state.drift.as_json(),
    }
    return json.dumps(report, indent=2, default=str, ensure_ascii=False)


def upgrade(state: State, out: Path) -> None:
    """Run the revisions that a database lacks.

    If no revision is recorded, and the tables are those of the spec, they are only recorded. Raises
    DatabaseError.
    """
    if state.pending:
        if state.recorded and state.has_drift and state.is_as_the_spec:
            raise DatabaseError(
                "the tables are those of the spec, but the revisions have not changed them\n"
                f"  if the pending ones need not run, record them: cd {out} && alembic stamp heads"
            )
        command = "stamp" if state.only_records else "upgrade"
        _run_alembic(out, _absolute_url(state.change), command, "heads")


def names_to_record(state: State, waiting: Callable[[str], None]) -> list[str]:
    """Return the names of the pending revisions that the database has by now."""
    if not state.pending:
        return []
    from crudgen.evolution.blockers import read_only_connection  # noqa: PLC0415 -- lazy
    from crudgen.evolution.revisions.recorded import recorded_revisions  # noqa: PLC0415 -- lazy

    with read_only_connection(state.change.database, waiting) as connection:
        has = state.unrevised.history.revisions_until(recorded_revisions(connection)).revisions
    return [one.name for one in state.pending if one in has]


def _absolute_url(change: database_options.Change) -> str:
    """Return the URL of the database for a process in another folder."""
    from sqlalchemy import make_url  # noqa: PLC0415 -- lazy

    if change.database.file is None:
        return change.url
    url = make_url(change.url).set(database=str(change.database.file))
    return url.render_as_string(hide_password=False)


def _run_alembic(out: Path, url: str, *arguments: str) -> None:
    """Run Alembic in a process of its own: it imports the project. Raises DatabaseError."""
    done = subprocess.run(  # noqa: S603 -- the arguments are those of this module
        [sys.executable, "-m", "alembic", *arguments],
        cwd=out,
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    if "No module named alembic" in done.stderr:
        raise CrudgenError("Alembic is not installed\n  pip install 'crudgen[migrations]'")
    if done.returncode:
        reason = done.stdout.partition("FAILED: ")[2].strip()
        reason = reason or done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
        raise DatabaseError(f"Alembic has stopped: {reason}")
