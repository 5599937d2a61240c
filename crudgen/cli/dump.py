"""The command `crudgen dump`. Reason to change: its options or output."""

import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from crudgen.cli import console, database_options, source
from crudgen.cli.progress import row_counter, shown_progress
from crudgen.data.forms import STREAM, Form, form_of
from crudgen.errors import ArgumentError, DatabaseError, DataError

EXAMPLES = (
    "crudgen dump --out shop.ndjson",
    "crudgen dump --secrets --out shop.ndjson",
    "crudgen dump --secrets --format csv --out shop.zip",
    "crudgen dump | gzip > shop.ndjson.gz",
)


def dump(  # noqa: PLR0913 -- each is an option of the command
    entities: source.Entities = source.DEFAULT,
    *,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="File to write; - is standard output.")
    ] = STREAM,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="Form of the file, if its name does not say it."),
    ] = None,
    secrets: Annotated[
        bool,
        typer.Option("--secrets", help="Include write_only fields, users and API keys."),
    ] = False,
    database: database_options.Url = None,
    as_json: database_options.AsJson = False,
) -> None:
    """Write all rows of the database to a file that `crudgen load` reads.

    The rows are those of one moment. The same rows give the same bytes on SQLite and PostgreSQL.
    """
    chosen = form_of(out, form)
    if out == STREAM and as_json:
        raise ArgumentError("--json prints a summary to standard output: give a file with --out")
    if out == STREAM and chosen is Form.CSV and sys.stdout.isatty():
        raise ArgumentError("an archive is no text for a terminal: give a file with --out")
    counts = _write_dump(entities, database, out, chosen, secrets=secrets)
    total = sum(counts.values())
    if as_json:
        report = {"file": str(out), "rows": total, "tables": counts}
        typer.echo(json.dumps(report, indent=2, ensure_ascii=False))
    elif out != STREAM:
        tables = source.count(len(counts), "table")
        console.say(f"{source.count(total, 'row')} of {tables} written to {out}", "green")


def _write_dump(
    entities: Path, url: str | None, out: Path, form: Form, *, secrets: bool
) -> dict[str, int]:
    """Write a dump; return the number of rows of each table. Raises CrudgenError."""
    rendered = source.render_to_serve(source.read(entities))
    with ExitStack() as stack:
        change = stack.enter_context(database_options.opened_target_of(rendered, url))
        from crudgen.data import dump_contents, dumping, head  # noqa: PLC0415 -- they import SQLAlchemy

        tables = dump_contents.dumped_tables(change.target.metadata, rendered[0], secrets=secrets)
        if not change.database.exists:
            raise DatabaseError(f"database {change.database.where}: the file does not exist")
        connection = stack.enter_context(change.database.read_only_connection())
        dumping.check_tables(connection, tables, change.database.where)
        counts = dumping.read_counts(connection, tables)
        shown = stack.enter_context(shown_progress())
        report = row_counter(shown, "dump", sum(counts.values()))
        try:
            first = head.head_of(tables, counts, secrets=secrets)
            dumping.Dump(connection, tables, first).write(out, sys.stdout.buffer, form, report)
            sys.stdout.flush()
        except BrokenPipeError:  # of a program such as head, which has read enough
            _discard_output()
            raise typer.Exit(1) from None
        except OSError as error:
            if out != STREAM:
                raise
            _discard_output()
            reason = error.strerror or error
            raise DataError(f"standard output cannot be written: {reason}") from None
    return counts


def _discard_output() -> None:
    """Let Python write what is left to the null device when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
