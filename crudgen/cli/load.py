"""The command `crudgen load`. Reason to change: its options or output."""

import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from crudgen.cli import changing, console, source
from crudgen.cli.progress import counted, shown_progress
from crudgen.data.forms import Form, form_of
from crudgen.errors import CrudgenError

EXAMPLES = (
    "crudgen load shop.ndjson",
    "crudgen load shop.ndjson --database postgresql://user@host/name",
    "crudgen load shop.zip --dry-run",
)


def load(  # noqa: PLR0913 -- each is an option of the command
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file with rows; - is standard input.")
    ],
    *,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="Form of the file, if its name does not say it."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, and change nothing.")
    ] = False,
    entities: source.EntitiesOption = source.DEFAULT,
    database: changing.Url = None,
    as_json: changing.AsJson = False,
) -> None:
    """Load a dump into a database without rows: all of its rows, or none.

    Missing tables are created.
    """
    chosen = form_of(file, form)
    started = time.monotonic()
    try:
        counts = _load(entities, database, file, chosen, is_dry_run=dry_run)
    except CrudgenError as error:
        if not as_json:
            raise
        typer.echo(json.dumps({"error": str(error)}, indent=2, ensure_ascii=False))
        raise typer.Exit(error.exit_code) from error
    total = sum(counts.values())
    if as_json:
        report = {"file": str(file), "dry_run": dry_run, "rows": total, "tables": counts}
        typer.echo(json.dumps(report, indent=2, ensure_ascii=False))
        return
    rows = f"{source.count(total, 'row')} of {source.count(len(counts), 'table')}"
    if dry_run:
        console.say(f"{rows} can be loaded; nothing was changed", "green")
    else:
        console.say(f"{rows} loaded in {time.monotonic() - started:.1f} s", "green")


def _load(
    entities: Path, url: str | None, file: Path, form: Form, *, is_dry_run: bool
) -> dict[str, int]:
    """Load a dump; return the number of rows of each table. Raises CrudgenError."""
    rendered = source.render_to_serve(source.read(entities))
    with ExitStack() as stack:
        change = stack.enter_context(changing.opened_change_to(rendered, url))
        from crudgen.data import dumped, loading, reading  # noqa: PLC0415 -- with SQLAlchemy

        dump = stack.enter_context(reading.opened_dump(file, form, sys.stdin.buffer))
        tables = dumped.dumped_tables(change.target.metadata, rendered[0], secrets=True)
        total = sum(table.rows for table in dump.head.tables.values())
        report = counted(stack.enter_context(shown_progress()), "load", total)
        into = loading.Destination(change.database, change.target, is_dry_run)
        return loading.load_dump(into, tables, dump, report)
