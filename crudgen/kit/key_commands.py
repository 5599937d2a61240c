"""The command line of API keys: `python -m app key add --role editor --days 90`."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from .access.api_keys import ApiKey, ApiKeys
from .access.caller import BaseCaller
from .access.own_settings import OwnTokenSettings
from .command_line import json_text, opened_session, roles_text, run_command, table_text

COMMAND = "key"
DEFAULT_DAYS = 90
DEFAULT_NAME = "key"


def run_key_command(settings: type[OwnTokenSettings], caller: type[BaseCaller]) -> None:
    """Run the command of API keys, and exit, if the first argument is `key`."""

    def work(given: Namespace) -> str:
        with opened(settings(), caller) as keys:
            return run(keys, given)

    run_command(COMMAND, key_parser(_add_attributes), work)


@contextmanager
def opened(settings: OwnTokenSettings, caller: type[BaseCaller]) -> Iterator[ApiKeys]:
    """Open the API keys of an application without starting it. Raises AccountError."""
    with opened_session(settings) as session:
        yield ApiKeys(session, caller)


def run(keys: ApiKeys, given: Namespace) -> str:
    """Run a command, and return what it prints. Raises AccountError."""
    if given.action == "list":
        found = keys.all()
        return as_json(found) if given.json else as_table(found)
    if given.action == "revoke":
        revoked = keys.revoke(given.id)
        return as_json([revoked]) if given.json else f"revoked {described(revoked)}"
    return token_to_print(keys.add(given.name, given.days, given.role, given.me), json=given.json)


def token_to_print(added: tuple[ApiKey, str], *, json: bool) -> str:
    """Return the token of a new key to print; describe the key on the standard error."""
    key, text = added
    if json:
        return as_json([key], text)
    sys.stderr.write(f"{described(key)}; it is shown only now\n")
    return text


def as_json(keys: Sequence[ApiKey], text: str = "") -> str:
    """Return keys as a JSON array; `text` is the token of a new key."""
    return json_text(keys, key=text) if text else json_text(keys)


def as_table(keys: Sequence[ApiKey]) -> str:
    """Return keys as a table."""
    rows = [
        (str(one.id), one.name, roles_text(one.roles), one.expires[:10], one.used or "never")
        for one in keys
    ]
    return table_text(("id", "name", "roles", "expires", "last use"), rows, "no keys")


def described(key: ApiKey) -> str:
    """Return a key in a line."""
    return f"key {key.id}: {key.name}, roles {roles_text(key.roles)}, expires {key.expires[:10]}"


def _add_attributes(action: ArgumentParser) -> None:
    action.add_argument("--me", action="append", default=[], metavar="NAME=VALUE")


def key_parser(add_options: Callable[[ArgumentParser], None]) -> ArgumentParser:
    """Return the parser of the command. `add_options` adds those that choose a key's caller."""
    parser = ArgumentParser(prog=f"python -m app {COMMAND}", description="API keys.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    helps = {
        "add": "add a key, and print it once",
        "list": "list all keys, with their last use",
        "revoke": "delete a key",
    }
    for name, text in helps.items():
        action = actions.add_parser(name, help=text, description=text.capitalize())
        action.add_argument("--json", action="store_true", help="print a JSON array")
        if name == "add":
            action.add_argument("--role", action="append", default=[], help="a role")
            action.add_argument(
                "--days", type=int, default=DEFAULT_DAYS, help="days until it expires"
            )
            action.add_argument("--name", default=DEFAULT_NAME, help="what the key is for")
            add_options(action)
        if name == "revoke":
            action.add_argument("id", type=int, metavar="ID")
    return parser
