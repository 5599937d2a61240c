"""The command `crudgen fake`. Reason to change: its options or output."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from crudgen.cli import console, database_options, source
from crudgen.cli.progress import shown_progress
from crudgen.errors import ArgumentError, DatabaseError

if TYPE_CHECKING:
    from crudgen.data.fake.filling import Filled
    from crudgen.language.names import ClassName
    from crudgen.language.schema import Schema

EXAMPLES = (
    "crudgen fake",
    "crudgen fake --rows 1000 --seed 7",
    "crudgen fake --entity Hero=1000 --entity Team=20",
)


def fake(  # noqa: PLR0913 -- each is an option of the command
    entities: source.Entities = source.DEFAULT,
    *,
    rows: Annotated[
        int | None,
        typer.Option("--rows", metavar="N", min=0, help="Rows of each entity; 10 by default."),
    ] = None,
    entity: Annotated[
        list[str] | None,
        typer.Option("--entity", metavar="NAME=N", help="Rows of one entity, such as Hero=1000."),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Other seeds give other rows.")
    ] = 0,
    database: database_options.Url = None,
    as_json: database_options.AsJson = False,
) -> None:
    """Insert made-up rows that are valid: into an empty database, or beside its rows."""
    schema, tree = source.render_to_serve(source.read(entities))
    chosen = _rows_by_entity(schema, entity or [])

    from crudgen.data.fake.filling import Filler  # noqa: PLC0415 -- lazy
    from crudgen.data.fake.words import new_faker  # noqa: PLC0415 -- lazy
    from crudgen.data.open_application import opened_application  # noqa: PLC0415 -- lazy

    new_faker("")  # before a database is created
    with (
        database_options.errors_with_url_origin(database),
        opened_application(tree, database) as application,
    ):
        filler = Filler(schema, application, seed)
        with shown_progress(is_shown=not as_json) as report:
            filler.fill(filler.row_counts(rows, chosen), report)
        _check_row_counts(filler.filled, chosen)
        application.session.commit()
    _print_row_counts(filler.filled, as_json=as_json)


def _rows_by_entity(schema: "Schema", options: list[str]) -> "dict[ClassName, int]":
    """Return the numbers of `--entity NAME=N`. Raises ArgumentError."""
    names = {str(one.name): one.name for one in schema.entities}
    found: dict[ClassName, int] = {}
    for option in options:
        name, _, number = option.partition("=")
        if name not in names:
            raise ArgumentError(
                f"--entity {option}: there is no entity {name!r}\n"
                f"  the entities are: {', '.join(sorted(names))}"
            )
        if not (number.isascii() and number.isdecimal() and len(number) <= 9):
            raise ArgumentError(
                f"--entity {option}: expected a number of rows\n  write it as --entity {name}=100"
            )
        if name in found:
            raise ArgumentError(f"--entity {option}: {name} is given twice\n  keep one of them")
        found[names[name]] = int(number)
    return found


def _check_row_counts(filled: "Filled", chosen: "dict[ClassName, int]") -> None:
    """Raise DatabaseError if there are fewer rows than `--entity` names, or none at all."""
    missing = {name: why for name, why in filled.missing.items() if name in chosen}
    if not missing and not any(filled.rows.values()):
        missing = filled.missing
    if missing:
        lines = [f"  {name}: {why}, after {filled.rows[name]:,}" for name, why in missing.items()]
        raise DatabaseError("\n".join(["not enough rows were found; nothing was inserted", *lines]))


def _print_row_counts(filled: "Filled", *, as_json: bool) -> None:
    if as_json:
        report = {"rows": filled.rows, "links": filled.links, "missing": filled.missing}
        console.say(json.dumps(report, indent=2, ensure_ascii=False))
        return
    for name, number in filled.rows.items():
        console.say(f"{name}: {source.count(number, 'row')}")
    if filled.links:
        console.say(f"Links: {source.count(filled.links, 'row')}")
    for name, why in filled.missing.items():
        console.say_error(f"note: {name} has fewer rows than wanted: {why}", "yellow")
