"""The environment of Alembic: how revisions run, and how errors are reported."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import ArgumentError

from .transactions import migration_lock, repeat


def run_revisions(
    url: Callable[[], str], connect: Callable[[str], Connection], *errors: type[Exception]
) -> None:
    """Run the revisions on a database; with `--sql`, print their statements.

    `url` returns its URL, and `connect` connects to it. `errors` are those that they raise for
    mistakes of the user: only the message is printed.
    """
    _print_progress()
    known: tuple[type[Exception], ...] = (ArgumentError, *errors)
    dialect, connection = "", None
    try:
        if context.is_offline_mode():
            name = make_url(url()).get_backend_name()
            dialect = "postgresql" if name == "postgres" else name
        else:
            connection = connect(url())
    except known as error:
        raise CommandError(str(error)) from None
    if connection is None:
        _run(dialect_name=dialect, literal_binds=True)
        return
    with connection, migration_lock(connection):
        repeat(connection, partial(_run, connection=connection))


def _print_progress() -> None:
    """Print the names of the revisions that run."""
    logging.basicConfig(format="%(message)s")
    logging.getLogger("alembic.runtime.migration").setLevel(logging.INFO)
    logging.getLogger("alembic.util.messaging").disabled = True  # its messages are printed, too


def _run(**target: Any) -> None:
    """Run the revisions: on PostgreSQL, each one in a transaction of its own."""
    context.configure(**target, transactional_ddl=True, transaction_per_migration=True)
    try:
        with context.begin_transaction():
            context.run_migrations()
    except NotImplementedError as error:  # from downgrade()
        raise CommandError(str(error)) from None
