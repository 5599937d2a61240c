"""The command `crudgen seed`. Reason to change: its options or output."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crudgen.cli import console, database_options, source

if TYPE_CHECKING:
    from crudgen.data.seeds.storing import Stored

EXAMPLES = (
    "crudgen seed",
    "crudgen seed seeds/teams.yaml --dry-run",
    "crudgen seed --database postgresql://user@host/demo",
)


def seed(
    seeds: Annotated[
        Path, typer.Argument(metavar="SEEDS", help="Folder of YAML files with rows, or one file.")
    ] = Path("seeds"),
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would change, and change no row.")
    ] = False,
    database: database_options.Url = None,
    entities: source.EntitiesOption = source.DEFAULT,
    as_json: database_options.AsJson = False,
) -> None:
    """Insert the rows of seeds/*.yaml that are missing, and update those that differ."""
    schema, tree = source.render_to_serve(source.read(entities))

    from crudgen.data.open_application import opened_application  # noqa: PLC0415 -- lazy
    from crudgen.data.seeds.files import read_files  # noqa: PLC0415 -- lazy
    from crudgen.data.seeds.reading import read_rows  # noqa: PLC0415 -- lazy
    from crudgen.data.seeds.storing import SeedStore  # noqa: PLC0415 -- lazy

    rows = read_rows(schema, read_files(seeds))
    with (
        database_options.errors_with_url_origin(database),
        opened_application(tree, database) as application,
    ):
        stored = SeedStore(schema, application).store(rows)
        if not dry_run:
            application.session.commit()
    _print_row_changes(stored, dry_run=dry_run, as_json=as_json)


def _print_row_changes(stored: "Stored", *, dry_run: bool, as_json: bool) -> None:
    counts = stored.counts()
    if as_json:
        report = {"rows": counts, "links": stored.links, "dry_run": dry_run}
        console.say(json.dumps(report, indent=2, ensure_ascii=False))
        return
    if dry_run:
        for one in stored.outcomes:
            if one.what != "unchanged":
                console.say(str(one))
    for name, numbers in counts.items():
        parts = ", ".join(f"{number:,} {what}" for what, number in numbers.items())
        console.say(f"{name}: {parts}")
    if stored.links:
        console.say(f"Links: {stored.links:,} inserted")
    if dry_run:
        console.say("nothing was changed")
