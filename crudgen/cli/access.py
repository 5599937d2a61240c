"""The command `crudgen access`. Reason to change: its options."""

import json
from pathlib import Path
from typing import Annotated

import typer

from crudgen.cli import access_question, console, database_options, source
from crudgen.errors import ArgumentError, CrudgenError

EXAMPLES = (
    "crudgen access",
    "crudgen access --json",
    """crudgen access explain Hero create --as id=7,roles=editor --body '{"name": "Ada"}'""",
)


def access(  # noqa: PLR0913 -- each is an option of the command
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ENTITIES | explain ENTITY [KEY] OPERATION]",
            help="Folder of the entities, or what to explain: 'explain Hero 12 update'.",
            show_default=False,
        ),
    ] = None,
    *,
    caller: Annotated[
        list[str] | None,
        typer.Option(
            "--as", metavar="NAME=VALUE,…", help="The caller to explain; by default, anyone."
        ),
    ] = None,
    body: Annotated[
        str | None,
        typer.Option("--body", metavar="JSON", help="The properties that the request sets."),
    ] = None,
    database: database_options.Url = None,
    entities: source.EntitiesOption = source.DEFAULT,
    as_json: database_options.AsJson = False,
) -> None:
    """Print who may do what with the rows of each entity, or explain what a caller may do.

    'anyone' is a caller without credentials, 'user' one without a role. An explanation exits with 0
    if the rules allow the operation, and with 1 if they do not.
    """
    words = what or []
    if words[:1] == ["explain"]:
        asked = access_question.ExplainArguments(words[1:], caller or (), body, database, entities)
        raise typer.Exit(access_question.print_explanation(asked, as_json=as_json))
    if len(words) > 1:
        raise ArgumentError(f"unexpected argument: {words[1]}")
    if caller or body is not None or database is not None:
        raise ArgumentError("--as, --body and --database are for 'crudgen access explain'")
    schema = source.load(Path(words[0]) if words else entities)
    if schema.auth is None:
        raise CrudgenError("the spec has no callers: add 'auth' to crudgen.yaml")
    from crudgen.language import matrix  # noqa: PLC0415 -- lazy

    callers = matrix.callers_of(schema)
    if as_json:
        rules = {str(one.name): matrix.allowed_callers(one, callers) for one in schema.entities}
        typer.echo(json.dumps({"callers": [*callers], "entities": rules}, indent=2))
    else:
        console.say(matrix.access_tables(schema).rstrip("\n"))
