"""The command `crudgen plan`. Reason to change: its options and exit codes."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crudgen.cli import console, database_options, migrating, plan_output, source
from crudgen.errors import CrudgenError

if TYPE_CHECKING:
    from crudgen.evolution.plan import Plan

EXAMPLES = (
    "crudgen plan",
    "crudgen plan --sql",
    "crudgen plan --database postgresql://user@host/name --json",
)

_CHANGES, _NEEDS_OPTION = 3, 4


def plan(  # noqa: PLR0913 -- each is an option of the command
    entities: source.Entities = source.DEFAULT,
    *,
    database: database_options.Url = None,
    fill: database_options.Fills = None,
    drop: database_options.Drops = None,
    integers: database_options.Integers = None,
    out: database_options.Out = source.DEFAULT_OUT,
    sql: Annotated[bool, typer.Option("--sql", help="Print the statements too.")] = False,
    as_json: database_options.AsJson = False,
) -> None:
    """Show what has to change in the database. Nothing is changed.

    Exits with 0 if there is nothing to do, 3 if `crudgen apply` makes the changes, 4 if they need
    an option such as --fill, and 1 if rows are in the way or the plan cannot be made.
    """
    if migrating.has_revisions(entities, out):
        database_options.refuse_revision_options(fill, drop, integers)
        raise typer.Exit(_plan_revisions(entities, out, database, with_sql=sql, as_json=as_json))
    try:
        waiting = console.wait_reporter(as_json=as_json)
        with database_options.opened_target(entities, database, fill, drop, integers) as change:
            migrating.check_revision_files(change, out, waiting)
            found = change.plan(waiting)
            names, where = change.target.hints.names, change.database.where
    except CrudgenError as error:
        if not as_json:
            raise
        typer.echo(json.dumps({"error": str(error)}, indent=2))
        raise typer.Exit(error.exit_code) from error
    if as_json:
        typer.echo(database_options.as_json(found, where))
    else:
        console.say(f"database {where}")
        plan_output.show(found, names, with_sql=sql)
        options = database_options.apply_options(entities, database, fill, drop, integers)
        plan_output.print_summary(found, f"crudgen apply{options}")
    if code := _exit_code(found):
        raise typer.Exit(code)


def _plan_revisions(
    entities: Path, out: Path, url: str | None, *, with_sql: bool, as_json: bool
) -> int:
    """Show what the database lacks of the revisions and of the spec. Return the exit code."""
    waiting = console.wait_reporter(as_json=as_json)
    try:
        with migrating.opened_migration_state(entities, out, url, waiting) as state:
            if as_json:
                typer.echo(migrating.as_json(state))
                return migrating.exit_code(state)
            return migrating.show(state, entities, out, with_sql=with_sql)
    except CrudgenError as error:
        if not as_json:
            raise
        typer.echo(json.dumps({"error": str(error)}, indent=2))
        return error.exit_code


def _exit_code(found: "Plan") -> int:
    if found.problems:
        return _NEEDS_OPTION if all(one.flag for one in found.problems) else 1
    return _CHANGES if found.steps else 0
