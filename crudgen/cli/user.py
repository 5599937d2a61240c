"""The commands `crudgen user …`. Reason to change: their options or output."""

from typing import Annotated, Any, TypeAlias

import typer

from crudgen.cli import console, database_options, source
from crudgen.cli.accounts import opened_users

EXAMPLES = (
    "echo 'a long password' | crudgen user add ann --role editor --password-stdin",
    "crudgen user list",
    "crudgen user disable ann",
)

Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]
Roles: TypeAlias = Annotated[
    list[str] | None, typer.Option("--role", metavar="ROLE", help="A role of the user.")
]
FromInput: TypeAlias = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the standard input.")
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print a JSON array, for programs.")
]
Row: TypeAlias = Annotated[
    str | None,
    typer.Option("--row", metavar="KEY", help="The row of the user; by default, a new one."),
]
Values: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A property of the new row of the user."),
]

user = typer.Typer(no_args_is_help=True, help="Add, list and change the users of the API.")


def _print_user(commands: Any, done: Any, *, as_json: bool) -> None:
    console.say(commands.as_json([done]) if as_json else commands.described(done))


@user.command("add")
def add(  # noqa: PLR0913 -- each is an option of the command
    name: Name,
    *,
    role: Roles = None,
    me: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="An attribute in 'me' of 'auth'."),
    ] = None,
    row: Row = None,
    values: Values = None,
    password_stdin: FromInput = False,
    database: database_options.Url = None,
    entities: source.EntitiesOption = source.DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Add a user; if users are rows, with a new row or an existing one. Asks for the password."""
    chosen = _row_options(row, values)
    with opened_users(entities, database, row_options="--row and --set" if chosen else "") as (
        commands,
        accounts,
    ):
        password = commands.read_password(from_input=password_stdin)
        done = accounts.add(name, password, role or [], me or [], **chosen)
        _print_user(commands, done, as_json=as_json)


@user.command("link")
def link(  # noqa: PLR0913 -- each is an option of the command
    name: Name,
    *,
    row: Row = None,
    values: Values = None,
    database: database_options.Url = None,
    entities: source.EntitiesOption = source.DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Give a row to a user without one: users have none if the spec had 'users: true'."""
    with opened_users(entities, database, row_options="--row and --set") as (commands, accounts):
        _print_user(commands, accounts.link(name, **_row_options(row, values)), as_json=as_json)


def _row_options(row: str | None, values: list[str] | None) -> dict[str, Any]:
    """Return the row of a user, as it was given."""
    given = {"row": row, "values": values}
    return {name: value for name, value in given.items() if value is not None}


@user.command("list")
def list_all(
    database: database_options.Url = None,
    entities: source.EntitiesOption = source.DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List all users."""
    with opened_users(entities, database) as (commands, accounts):
        found = accounts.all()
        console.say(commands.as_json(found) if as_json else commands.as_table(found))


@user.command("disable")
def disable(
    name: Name,
    database: database_options.Url = None,
    entities: source.EntitiesOption = source.DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Refuse logins of a user, and revoke their tokens."""
    with opened_users(entities, database) as (commands, accounts):
        _print_user(commands, accounts.disable(name), as_json=as_json)


@user.command("enable")
def enable(
    name: Name,
    database: database_options.Url = None,
    entities: source.EntitiesOption = source.DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Accept logins of a disabled user again."""
    with opened_users(entities, database) as (commands, accounts):
        _print_user(commands, accounts.enable(name), as_json=as_json)


@user.command("password")
def password(
    name: Name,
    *,
    password_stdin: FromInput = False,
    database: database_options.Url = None,
    entities: source.EntitiesOption = source.DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Set the password of a user, and revoke their tokens."""
    with opened_users(entities, database) as (commands, accounts):
        accounts.find(name)
        text = commands.read_password(from_input=password_stdin)
        _print_user(commands, accounts.set_password(name, text), as_json=as_json)


@user.command("roles")
def roles(
    name: Name,
    *,
    role: Roles = None,
    database: database_options.Url = None,
    entities: source.EntitiesOption = source.DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Replace the roles of a user."""
    with opened_users(entities, database) as (commands, accounts):
        _print_user(commands, accounts.set_roles(name, role or []), as_json=as_json)
