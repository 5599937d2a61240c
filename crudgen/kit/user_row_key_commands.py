"""The command line of API keys that act as rows: `python -m app key add --row 7`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager

from . import key_commands
from .access.caller import BaseCaller
from .access.user_row_keys import RowKeys
from .access.user_row_settings import RowLoginSettings
from .command_line import opened_session, run_command
from .key_commands import as_json, as_table, described

__all__ = ["as_json", "as_table", "described", "opened", "run_key_command"]


def run_key_command(settings: type[RowLoginSettings], caller: type[BaseCaller]) -> None:
    """Run the command of API keys, and exit, if the first argument is `key`."""

    def work(given: Namespace) -> str:
        with opened(settings(), caller) as keys:
            return _run(keys, given)

    run_command(key_commands.COMMAND, key_commands.key_parser(_add_options), work)


@contextmanager
def opened(settings: RowLoginSettings, caller: type[BaseCaller]) -> Iterator[RowKeys]:
    """Open the API keys of an application without starting it. Raises AccountError."""
    with opened_session(settings) as session:
        yield RowKeys(session, caller, settings.user_rows)


def _run(keys: RowKeys, given: Namespace) -> str:
    if given.action != "add":
        return key_commands.run(keys, given)
    added = keys.add(given.name, given.days, given.role, row=given.row)
    return key_commands.token_to_print(added, json=given.json)


def _add_options(action: ArgumentParser) -> None:
    action.add_argument("--row", metavar="KEY", help="the row as which the key acts")
