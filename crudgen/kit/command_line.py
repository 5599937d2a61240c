"""What the commands of an application share: its database, errors and output."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from .access.subjects import AccountError
from .errors import StartupError
from .settings import BaseAppSettings, describe_errors
from .wiring import open_session


def run_command(name: str, parser: ArgumentParser, work: Callable[[Namespace], str]) -> None:
    """Run a command, and exit, if the first argument is its name; `work` returns the output."""
    arguments = sys.argv[1:]
    if arguments[:1] != [name]:
        return
    given = parser.parse_args(arguments[1:])
    try:
        sys.stdout.write(f"{work(given)}\n")
    except ValidationError as error:
        sys.exit(f"error: {describe_errors(error)}")
    except (AccountError, StartupError, SettingsError) as error:
        sys.exit(f"error: {error}")
    sys.exit(0)


@contextmanager
def opened_session(settings: BaseAppSettings) -> Iterator[Session]:
    """Open the database of an application without starting it. Raises AccountError."""
    try:
        with open_session(settings) as session:
            yield session
    except StartupError as error:
        raise AccountError(str(error)) from None
    except DBAPIError as error:
        raise AccountError(f"database: {error.orig}") from None


def json_text(found: Sequence[Any], **more: str) -> str:
    """Return dataclasses as a JSON array, each with `more` properties."""
    items = [{**asdict(one), **more} for one in found]
    return json.dumps(items, indent=2, ensure_ascii=False)


def roles_text(roles: Sequence[str]) -> str:
    """Return roles as in a table."""
    return ",".join(roles) or "-"


def table_text(head: Sequence[str], rows: Sequence[Sequence[str]], none: str) -> str:
    """Return rows as a table; `none` if there are none."""
    if not rows:
        return none
    lines = [head, *rows]
    widths = [max(len(row[column]) for row in lines) for column in range(len(head))]
    texts = (
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        for row in lines
    )
    return "\n".join(text.rstrip() for text in texts)
