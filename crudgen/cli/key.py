"""The commands `crudgen key …`. Reason to change: their options or output."""

from typing import Annotated

import typer

from crudgen.cli import console, database_options, source
from crudgen.cli.accounts import opened_keys
from crudgen.cli.user import AsJson

EXAMPLES = (
    "crudgen key add --role editor --days 90",
    "crudgen key list",
    "crudgen key revoke 1",
)

key = typer.Typer(no_args_is_help=True, help="Add, list and revoke the API keys of programs.")


@key.command("add")
def add(  # noqa: PLR0913 -- each is an option of the command
    *,
    role: Annotated[
        list[str] | None, typer.Option("--role", metavar="ROLE", help="A role of the key.")
    ] = None,
    days: Annotated[int, typer.Option(metavar="DAYS", help="How long the key is valid.")] = 90,
    name: Annotated[str, typer.Option(metavar="NAME", help="What the key is for.")] = "key",
    me: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="An attribute in 'me' of 'auth'."),
    ] = None,
    row: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="The row as which the key acts, if users are rows."),
    ] = None,
    database: database_options.Url = None,
    entities: source.EntitiesOption = source.DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Add a key, and print it. It is not shown again."""
    with opened_keys(entities, database, row_options="--row" if row is not None else "") as (
        commands,
        keys,
    ):
        chosen = {} if row is None else {"row": row}
        added, text = keys.add(name, days, role or [], me or [], **chosen)
        if not as_json:
            console.say_error(f"{commands.described(added)}; it is shown only now")
        console.say(commands.as_json([added], text) if as_json else text)


@key.command("list")
def list_all(
    database: database_options.Url = None,
    entities: source.EntitiesOption = source.DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List all keys, with their last use."""
    with opened_keys(entities, database) as (commands, keys):
        found = keys.all()
        console.say(commands.as_json(found) if as_json else commands.as_table(found))


@key.command("revoke")
def revoke(
    number: Annotated[int, typer.Argument(metavar="ID", help="The number of the key.")],
    database: database_options.Url = None,
    entities: source.EntitiesOption = source.DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Delete a key."""
    with opened_keys(entities, database) as (commands, keys):
        found = keys.revoke(number)
        said = f"revoked {commands.described(found)}"
        console.say(commands.as_json([found]) if as_json else said)
