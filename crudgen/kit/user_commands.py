"""The command line of users: `python -m app user add ann --role editor`."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from getpass import getpass

from .access.accounts import Account, Accounts
from .access.caller import BaseCaller
from .access.login_settings import LoginSettings
from .access.passwords import Passwords
from .access.subjects import AccountError
from .command_line import json_text, opened_session, roles_text, run_command, table_text

COMMAND = "user"


def run_user_command(settings: type[LoginSettings], caller: type[BaseCaller]) -> None:
    """Run the command of users, and exit, if the first argument is `user`."""

    def work(given: Namespace) -> str:
        with opened(settings(), caller) as accounts:
            return run(accounts, given)

    run_command(COMMAND, user_parser(_add_attributes), work)


@contextmanager
def opened(settings: LoginSettings, caller: type[BaseCaller]) -> Iterator[Accounts]:
    """Open the users of an application without starting it. Raises AccountError."""
    with opened_session(settings) as session:
        yield Accounts(session, caller, Passwords(settings.password_memory_mb))


def run(accounts: Accounts, given: Namespace) -> str:
    """Run a command, and return what it prints. Raises AccountError."""
    if given.action == "list":
        found = accounts.all()
        return as_json(found) if given.json else as_table(found)
    if given.action == "add":
        password = read_password(from_input=given.password_stdin)
        user = accounts.add(given.name, password, given.role, given.me)
    elif given.action == "password":
        password = read_password(from_input=given.password_stdin)
        user = accounts.set_password(given.name, password)
    elif given.action == "roles":
        user = accounts.set_roles(given.name, given.role)
    else:
        change: Callable[[str], Account] = getattr(accounts, given.action)
        user = change(given.name)
    return as_json([user]) if given.json else described(user)


def read_password(*, from_input: bool) -> str:
    """Return a password: the first line of the standard input, or typed twice on a terminal.

    Raises AccountError.
    """
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise AccountError("there is no terminal to ask for the password\n  add --password-stdin")
    password = getpass("Password: ")
    if getpass("The same again: ") != password:
        raise AccountError("the passwords differ")
    return password


def as_json(users: Sequence[Account]) -> str:
    """Return users as a JSON array."""
    return json_text(users)


def as_table(users: Sequence[Account]) -> str:
    """Return users as a table."""
    rows = [
        (_row_key_text(one), one.name, roles_text(one.roles), _login_state(one)) for one in users
    ]
    return table_text(("id", "name", "roles", "state"), rows, "no users")


def described(user: Account) -> str:
    """Return a user in a line."""
    key, state = _row_key_text(user), _login_state(user)
    return f"user {user.name}: id {key}, roles {roles_text(user.roles)}, {state}"


def _row_key_text(user: Account) -> str:
    return "-" if user.id is None else str(user.id)


def _login_state(user: Account) -> str:
    if user.id is None:
        return "without a row"
    return "disabled" if user.disabled else "enabled"


def _add_attributes(action: ArgumentParser) -> None:
    action.add_argument("--me", action="append", default=[], metavar="NAME=VALUE")


def user_parser(
    add_options: Callable[[ArgumentParser], None], more: Mapping[str, str] | None = None
) -> ArgumentParser:
    """Return the parser of the command. `add_options` adds those that say who a user is.

    `more` are further actions, with what they do.
    """
    parser = ArgumentParser(prog=f"python -m app {COMMAND}", description="Users of the API.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    helps = {
        "add": "add a user, with a password",
        "list": "list all users",
        "disable": "refuse logins of a user, and revoke their tokens",
        "enable": "allow logins of a user again",
        "password": "set the password of a user, and revoke their tokens",
        "roles": "replace the roles of a user",
        **(more or {}),
    }
    for name, text in helps.items():
        action = actions.add_parser(name, help=text, description=text.capitalize())
        action.add_argument("--json", action="store_true", help="print a JSON array")
        if name != "list":
            action.add_argument("name", metavar="NAME")
        if name in {"add", "roles"}:
            action.add_argument("--role", action="append", default=[], help="a role")
        if name == "add" or name in (more or {}):
            add_options(action)
        if name in {"add", "password"}:
            action.add_argument(
                "--password-stdin", action="store_true", help="read the password from the input"
            )
    return parser
