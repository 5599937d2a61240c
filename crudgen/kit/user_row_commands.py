"""The command line of users who are rows: `python -m app user add ann --set name=Ann`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager

from . import user_commands
from .access.caller import BaseCaller
from .access.passwords import Passwords
from .access.user_row_accounts import RowAccounts
from .access.user_row_settings import RowLoginSettings
from .command_line import opened_session, run_command
from .user_commands import as_json, as_table, described, read_password

__all__ = ["as_json", "as_table", "described", "opened", "read_password", "run_user_command"]


def run_user_command(settings: type[RowLoginSettings], caller: type[BaseCaller]) -> None:
    """Run the command of users, and exit, if the first argument is `user`."""

    def work(given: Namespace) -> str:
        with opened(settings(), caller) as accounts:
            return _run(accounts, given)

    more = {"link": "link a user without a row to a row"}
    parser = user_commands.user_parser(_add_options, more)
    run_command(user_commands.COMMAND, parser, work)


@contextmanager
def opened(settings: RowLoginSettings, caller: type[BaseCaller]) -> Iterator[RowAccounts]:
    """Yield the users of an application, without starting it. Raises AccountError."""
    with opened_session(settings) as session:
        passwords = Passwords(settings.password_memory_mb)
        yield RowAccounts(session, caller, passwords, settings.user_rows)


def _run(accounts: RowAccounts, given: Namespace) -> str:
    if given.action == "add":
        password = read_password(from_input=given.password_stdin)
        user = accounts.add(given.name, password, given.role, row=given.row, values=given.set)
    elif given.action == "link":
        user = accounts.link(given.name, given.row, given.set)
    else:
        return user_commands.run(accounts, given)
    return as_json([user]) if given.json else described(user)


def _add_options(action: ArgumentParser) -> None:
    action.add_argument("--row", metavar="KEY", help="an existing row; by default, a new one")
    action.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a property of the new row",
    )
