"""The command `crudgen load`. Reason to change: its options or output."""

import json
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crudgen.cli import console, database_options, source
from crudgen.cli.progress import row_counter, shown_progress
from crudgen.data.forms import COMMA, DELIMITERS, STREAM, Form, form_of
from crudgen.errors import ArgumentError, CrudgenError

if TYPE_CHECKING:
    from crudgen.data.importing import Imported
    from crudgen.language.schema import Entity, Schema

EXAMPLES = (
    "crudgen load shop.ndjson --database sqlite:///new.db",
    "crudgen load heroes.csv --as Hero --dry-run",
    "crudgen load heroes.csv --as Hero --skip --rejected wrong.csv",
)


@dataclass(frozen=True, slots=True)
class _Options:
    """What is loaded, and into which database."""

    file: Path
    form: Form
    delimiter: str
    entities: Path
    database: str | None
    is_dry_run: bool


def load(  # noqa: PLR0913 -- each is an option of the command
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file with rows; - is standard input.")
    ],
    *,
    entity: Annotated[
        str | None,
        typer.Option("--as", metavar="ENTITY", help="The entity of the rows, if it is no dump."),
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="Form of the file, if its name does not say it."),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option("--delimiter", metavar="CHAR", help="With --as: what separates CSV cells."),
    ] = None,
    skip: Annotated[
        bool, typer.Option("--skip", help="With --as: skip wrong rows, and load the others.")
    ] = False,
    rejected: Annotated[
        Path | None,
        typer.Option("--rejected", metavar="FILE", help="With --skip: write skipped rows to it."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, and change nothing.")
    ] = False,
    entities: source.EntitiesOption = source.DEFAULT,
    database: database_options.Url = None,
    as_json: database_options.AsJson = False,
) -> None:
    """Load a dump into a database without rows, or with --as the rows of one entity.

    All rows are loaded, or none. Missing tables are created.
    """
    _check_options(file, entity, rejected, skip=skip)
    chosen = form_of(file, form)
    separator = _checked_delimiter(delimiter, file, chosen, entity)
    options = _Options(file, chosen, separator, entities, database, dry_run)
    if rejected is not None:
        from crudgen.data.writing import check_replaceable  # noqa: PLC0415 -- lazy

        check_replaceable(rejected, options.form)
    started = time.monotonic()
    try:
        if entity is None:
            counts = _load_dump(options)
            report: dict[str, Any] = {"rows": sum(counts.values()), "tables": counts}
            of = f" of {source.count(len(counts), 'table')}"
        else:
            imported, ignored = _load_rows(options, entity, rejected, skip=skip)
            report = {"rows": imported.inserted, "skipped": imported.skipped, "entity": entity}
            report |= {"problems": imported.problems, "ignored": ignored}
            of = f" of {entity}"
            if not as_json:
                _print_skipped(imported, ignored)
    except CrudgenError as error:
        if not as_json:
            raise
        typer.echo(json.dumps({"error": str(error)}, indent=2, ensure_ascii=False))
        raise typer.Exit(error.exit_code) from error
    if as_json:
        report = {"file": str(file), "dry_run": dry_run, **report}
        typer.echo(json.dumps(report, indent=2, ensure_ascii=False))
        return
    rows = f"{source.count(report['rows'], 'row')}{of}"
    seconds = f"{time.monotonic() - started:.1f} s"
    done = "can be loaded; nothing was changed" if dry_run else f"loaded in {seconds}"
    console.say(f"{rows} {done}", "green")


def _check_options(file: Path, entity: str | None, rejected: Path | None, *, skip: bool) -> None:
    """Raise ArgumentError for options without effect, or that would replace the file."""
    if skip and entity is None:
        raise ArgumentError("--skip is for files with rows of one entity: give it with --as ENTITY")
    if rejected is not None and not skip:
        raise ArgumentError("--rejected writes the rows that are skipped: give it with --skip")
    if rejected == STREAM:
        raise ArgumentError("--rejected writes to a file: give its name")
    if rejected is not None and _is_same_file(file, rejected):
        raise ArgumentError(
            f"--rejected {rejected}: this is the file that is loaded, and its rows would be lost\n"
            "  give another name"
        )


def _checked_delimiter(written: str | None, file: Path, form: Form, entity: str | None) -> str:
    """Return the character that separates the cells of CSV. Raises ArgumentError."""
    if written is None:
        return COMMA
    if form is not Form.CSV:
        shown = "standard input" if file == STREAM else file
        raise ArgumentError(
            f"--delimiter is for CSV, but {shown} is read as {form}\n"
            "  omit it; or if the file is CSV, give --format csv"
        )
    if entity is None:
        raise ArgumentError("--delimiter is for files with rows of one entity: give --as ENTITY")
    delimiter = "\t" if written in {"tab", r"\t"} else written
    if delimiter not in DELIMITERS:
        known = ", ".join("tab" if one == "\t" else f"'{one}'" for one in DELIMITERS)
        raise ArgumentError(f"--delimiter {written!r}: cells are separated by one of {known}")
    return delimiter


def _is_same_file(file: Path, other: Path) -> bool:
    try:
        return file != STREAM and file.samefile(other)
    except OSError:  # one of them does not exist
        return False


def _load_dump(options: _Options) -> dict[str, int]:
    """Load a dump; return the number of rows of each table. Raises CrudgenError."""
    rendered = source.render_to_serve(source.read(options.entities))
    with ExitStack() as stack:
        change = stack.enter_context(database_options.opened_target_of(rendered, options.database))
        from crudgen.data import dump_contents, loading, reading  # noqa: PLC0415 -- with SQLAlchemy

        dump = stack.enter_context(
            reading.opened_dump(options.file, options.form, sys.stdin.buffer)
        )
        tables = dump_contents.dumped_tables(change.target.metadata, rendered[0], secrets=True)
        total = sum(table.rows for table in dump.head.tables.values())
        report = row_counter(stack.enter_context(shown_progress()), "load", total)
        into = loading.Destination(change.database, change.target, options.is_dry_run)
        return loading.load_dump(into, tables, dump, report)


def _load_rows(
    options: _Options, name: str, rejected: Path | None, *, skip: bool
) -> "tuple[Imported, list[str]]":
    """Load rows of an entity; return what became of them, and their properties without effect.

    Raises CrudgenError.
    """
    rendered = source.render_to_serve(source.read(options.entities))
    entity = _find_entity(rendered[0], name)
    with ExitStack() as stack:
        change = stack.enter_context(database_options.opened_target_of(rendered, options.database))
        from crudgen.data.entity_rows import EntityRows  # noqa: PLC0415 -- with SQLAlchemy
        from crudgen.data.imported_file import opened_rows  # noqa: PLC0415 -- lazy
        from crudgen.data.importing import Import  # noqa: PLC0415 -- with SQLAlchemy
        from crudgen.data.loading import Destination  # noqa: PLC0415 -- with SQLAlchemy
        from crudgen.data.rejected_rows import rejected_rows  # noqa: PLC0415 -- lazy

        rows = EntityRows(change.import_module, entity)
        opened = opened_rows(
            options.file, options.form, sys.stdin.buffer, rows.columns, options.delimiter
        )
        found = stack.enter_context(opened)
        reject = stack.enter_context(rejected_rows(rejected, found))
        report = row_counter(stack.enter_context(shown_progress()), "load", None)
        into = Destination(change.database, change.target, options.is_dry_run)
        connection = stack.enter_context(into.opened())
        imported = Import(connection, rows, found, reject if skip else None).run(report)
    return imported, sorted(rows.ignored)


def _find_entity(schema: "Schema", name: str) -> "Entity":
    """Return the entity with this name. Raises ArgumentError."""
    for one in schema.entities:
        if str(one.name) == name:
            return one
    known = ", ".join(sorted(str(one.name) for one in schema.entities))
    raise ArgumentError(f"--as {name}: there is no entity {name!r}\n  the entities are: {known}")


def _print_skipped(imported: "Imported", ignored: list[str]) -> None:
    for line in imported.problems:
        console.say_error(line)
    if imported.skipped:
        console.say_error(f"{source.count(imported.skipped, 'row')} skipped", "yellow")
    if ignored:
        names = ", ".join(ignored)
        console.say_error(f"without effect: {names}: the application sets the value", "yellow")
