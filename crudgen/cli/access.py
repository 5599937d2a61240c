"""The command `crudgen access`. Reason to change: its options."""

import json
from typing import Annotated

import typer

from crudgen.cli import console, source
from crudgen.errors import CrudgenError

EXAMPLES = ("crudgen access", "crudgen access --json")


def access(
    entities: source.Entities = source.DEFAULT,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object, for programs.")
    ] = False,
) -> None:
    """Print who may do what with the rows of each entity.

    'anyone' is a caller without credentials, 'user' one without a role.
    """
    schema = source.load(entities)
    if schema.auth is None:
        raise CrudgenError("the spec has no callers: add 'auth' to crudgen.yaml")
    from crudgen.language import matrix  # noqa: PLC0415 -- lazy

    callers = matrix.callers_of(schema)
    if as_json:
        rules = {str(one.name): matrix.allowed(one, callers) for one in schema.entities}
        typer.echo(json.dumps({"callers": [*callers], "entities": rules}, indent=2))
    else:
        console.say(matrix.tables(schema).rstrip("\n"))
