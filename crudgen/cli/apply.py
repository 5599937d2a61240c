"""The command `crudgen apply`. Reason to change: its options and progress."""

import json
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crudgen.cli import console, database_options, migrating, plan_output, source, unrevised_changes
from crudgen.errors import CrudgenError, DatabaseError

if TYPE_CHECKING:
    from crudgen.evolution.applying import ApplyResult
    from crudgen.evolution.connecting import Database
    from crudgen.evolution.plan import Plan, Step

EXAMPLES = (
    "crudgen apply",
    "crudgen apply --fill hero.level=1",
    "crudgen apply --drop hero.code",
    "crudgen apply --plan 0123456789ab",
    "crudgen apply --on-copy",
)

_LONG_SECONDS = 1.0
"""What takes longer is reported while it runs."""
_PROGRESS_SECONDS = 5.0
"""How often the progress of a step is reported."""


def _check_digest(digest: str | None) -> str | None:
    """Return the digest. Raises BadParameter if no plan can have it."""
    if digest is not None and not re.fullmatch("[0-9a-f]{12}", digest):
        raise typer.BadParameter(
            f"{digest!r} is not the digest of a plan: 12 digits of 0-9 and a-f; see: crudgen plan"
        )
    return digest


def apply(  # noqa: PLR0913 -- each is an option of the command
    entities: source.Entities = source.DEFAULT,
    *,
    database: database_options.Url = None,
    fill: database_options.Fills = None,
    drop: database_options.Drops = None,
    integers: database_options.Integers = None,
    reviewed: Annotated[
        str | None,
        typer.Option(
            "--plan",
            metavar="DIGEST",
            callback=_check_digest,
            help="Refuse to apply any other plan.",
        ),
    ] = None,
    backup: Annotated[
        bool,
        typer.Option(
            "--backup/--no-backup",
            help="Copy a SQLite file before values are converted, filled or dropped.",
        ),
    ] = True,
    on_copy: Annotated[
        bool, typer.Option("--on-copy", help="Apply the plan to a copy of the SQLite file.")
    ] = False,
    out: database_options.Out = source.DEFAULT_OUT,
    as_json: database_options.AsJson = False,
) -> None:
    """Change the tables of the database to those of the spec, all or nothing.

    In a project with revisions, run those that the database lacks.

    Exits with 0 on success, also if there was nothing to do, and with 1 after an error: the message
    says what was changed.
    """
    if migrating.has_revisions(entities, out):
        database_options.refuse_revision_options(fill, drop, integers)
        if reviewed or on_copy:
            option = "--plan" if reviewed else "--on-copy"
            raise typer.BadParameter("revisions change this database", param_hint=option)
        _run_revisions(entities, out, database, as_json=as_json)
        return
    names: Mapping[tuple[str, str | None], str] = {}
    refused: Plan | None = None
    try:
        with database_options.opened_target(entities, database, fill, drop, integers) as change:
            names = change.target.hints.names
            from crudgen.evolution import applying  # noqa: PLC0415 -- lazy

            watch = applying.watch_nothing if as_json else StepReporter(names)
            waiting = console.wait_reporter(as_json=as_json)
            migrating.check_revision_files(change, out, waiting)
            order = applying.ApplyOptions(watch, waiting, reviewed, backup and not on_copy)
            started = time.monotonic()
            try:
                with _database_to_change(change, on_copy=on_copy) as chosen:
                    done = applying.apply(chosen, change.target, order)
            except applying.RefusedError as error:
                refused = error.plan
                raise
    except CrudgenError as error:
        if as_json:
            report = refused.as_json() if refused else {}
            typer.echo(json.dumps({"error": str(error), **report}, indent=2, default=str))
            raise typer.Exit(error.exit_code) from error
        if refused is not None:
            plan_output.show(refused, names)
        raise
    if as_json:
        saved = str(done.backup) if done.backup else None
        typer.echo(database_options.as_json(done.plan, change.database.where, backup=saved))
    else:
        _print_result(done, names, time.monotonic() - started, on_copy=on_copy)


def _run_revisions(entities: Path, out: Path, url: str | None, *, as_json: bool) -> None:
    """Run the revisions that a database lacks. Raises CrudgenError if these are not enough."""
    done: list[str] = []
    waiting = console.wait_reporter(as_json=as_json)
    try:
        with migrating.opened_migration_state(entities, out, url, waiting) as state:
            try:
                migrating.upgrade(state, out)
            finally:
                done += migrating.names_to_record(state, waiting)
                verb = "recorded" if state.only_records else "has run"
                for name in done if not as_json else ():
                    console.say(f"  {verb}  {name}")
            unrevised_changes.check_all_revised(state.unrevised, entities, out)
    except CrudgenError as error:
        if not as_json:
            raise
        typer.echo(json.dumps({"error": str(error), "revisions": done}, indent=2))
        raise typer.Exit(error.exit_code) from error
    if as_json:
        report = {"database": state.change.database.where, "revisions": done}
        typer.echo(json.dumps(report, indent=2))
    elif not done:
        console.say("nothing to do: the database has all revisions", "green")


@contextmanager
def _database_to_change(
    change: "database_options.Change", *, on_copy: bool
) -> "Iterator[Database]":
    """Yield the database to change: that of the spec, or a copy. Raises DatabaseError."""
    if not on_copy:
        yield change.database
        return
    from crudgen.evolution.applying_sqlite import copy_database  # noqa: PLC0415 -- lazy
    from crudgen.evolution.connecting import Database  # noqa: PLC0415 -- lazy

    file = change.database.file
    if file is None:
        raise DatabaseError(
            f"database {change.database.where}: --on-copy is for SQLite\n"
            "  restore a backup of PostgreSQL to another database, and use --database"
        )
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        if file.exists():
            with change.database.errors():
                copy_database(file, copy)
        yield Database(f"sqlite:///{copy}")


def _print_result(
    done: "ApplyResult", names: "plan_output.Names", seconds: float, *, on_copy: bool
) -> None:
    if not done.plan.is_empty or done.plan.warnings:
        plan_output.show(done.plan.with_warnings_only(), names)
    if done.plan.is_empty:
        plan_output.print_summary(done.plan, "")
        return
    for line in done.plan.unused:
        console.say(f"without effect: {line}", "yellow")
    changes = source.count(len(done.plan.steps), "change")
    if done.backup:
        console.say(f"the database before the change: {done.backup}")
    if on_copy:
        console.say(f"{changes} made on a copy in {seconds:.1f} s; the database is unchanged")
    else:
        console.say(f"{changes} made in {seconds:.1f} s", "green")


class StepReporter:
    """Reports steps that take longer than a second, and their progress."""

    def __init__(self, names: "plan_output.Names") -> None:
        self._names = names

    @contextmanager
    def __call__(self, step: "Step") -> Iterator[Callable[[str], None]]:
        """Report a step if it takes longer than a second, and now and then its progress."""
        entity = self._names.get((step.table, None), step.table)
        what = f"{self._names.get((step.table, step.column), entity)}: {step.what}"
        is_long = threading.Event()

        def report_start() -> None:
            is_long.set()
            estimate = f" (about {step.seconds:.0f} s)" if step.seconds else ""
            console.say_error(f"{what}{estimate} …")

        timer = threading.Timer(_LONG_SECONDS, report_start)
        timer.daemon = True
        started = time.monotonic()
        timer.start()
        reported = started

        def report_progress(done: str) -> None:
            nonlocal reported
            if time.monotonic() > reported + _PROGRESS_SECONDS:
                reported = time.monotonic()
                console.say_error(f"{what}: {done} …")

        try:
            yield report_progress
        finally:
            timer.cancel()
            timer.join()  # a report that has begun precedes the next line
        if is_long.is_set():
            console.say_error(f"{what}: {time.monotonic() - started:.1f} s")
