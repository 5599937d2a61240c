"""Opens users, API keys and events for commands. Reason to change: how commands reach them.

The commands of crudgen and those of an emitted project run the same code: that of the application.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from crudgen.delivery import memory
from crudgen.delivery.generation import as_serve_error
from crudgen.errors import DatabaseError, NotConnectedError


@contextmanager
def opened_accounts(
    tree: Mapping[str, str], module_of_commands: str, database: str | None = None
) -> Iterator[tuple[Any, Any]]:
    """Import a tree from memory; yield a module of its kit, and the users or keys that it opens.

    `database` overrides DATABASE_URL and the spec. Raises ServeError for invalid settings, and
    DatabaseError for a database that cannot be used, or what cannot be changed.
    """
    with imported_settings(tree, database) as (import_module, settings):
        commands, caller = (
            import_module(f"kit.{module_of_commands}"),
            import_module("caller").Caller,
        )
        try:
            with commands.opened(settings, caller) as found:
                yield commands, found
        except import_module("kit.access.subjects").AccountError as error:
            raise DatabaseError(str(error)) from None


@contextmanager
def opened_events(tree: Mapping[str, str], database: str | None = None) -> Iterator[Any]:
    """Import a tree from memory, and yield its stored events.

    `database` overrides DATABASE_URL and the spec. Raises ServeError for invalid settings, and
    NotConnectedError for a database that cannot be used.
    """
    with imported_settings(tree, database) as (import_module, settings):
        import_module("main")  # the tables
        try:
            with import_module("kit.wiring").open_session(settings) as session:
                yield import_module("kit.events.stored").StoredEvents(session)
        except import_module("kit.errors").StartupError as error:
            raise NotConnectedError.of_startup(error) from None


def has_users(url: str) -> bool:
    """Return whether a database has a user who can log in; True also if that cannot be read."""
    from crudgen.evolution.connecting import Database  # noqa: PLC0415 -- it imports SQLAlchemy

    try:
        with Database(url).read_only_connection() as connection:
            found = connection.exec_driver_sql('SELECT 1 FROM "_login" LIMIT 1').first()
    except DatabaseError:
        return True
    return found is not None


@contextmanager
def imported_settings(
    tree: Mapping[str, str], database: str | None
) -> Iterator[tuple[Callable[[str], Any], Any]]:
    """Import a tree from memory; yield a function that imports its modules, and the settings."""
    package = memory.import_tree(tree)

    def import_module(name: str) -> Any:
        return importlib.import_module(f"{package.__name__}.{name}")

    try:
        try:
            chosen = {} if database is None else {"database_url": database}
            settings = import_module("settings").Settings(**chosen)
        except Exception as error:
            raise as_serve_error(error) from error
        yield import_module, settings
    finally:
        memory.unload(package)
