"""The stored events of a generated application. Reason to change: how commands reach them."""

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from crudgen.delivery import memory
from crudgen.delivery.generation import as_serve_error
from crudgen.errors import DatabaseError


@contextmanager
def opened(tree: Mapping[str, str], database: str | None = None) -> Iterator[Any]:
    """Import a tree from memory, and yield its stored events.

    `database` overrides DATABASE_URL and the spec. Raises ServeError for invalid settings, and
    DatabaseError for a database that cannot be used.
    """
    package = memory.import_tree(tree)

    def module(name: str) -> Any:
        return importlib.import_module(f"{package.__name__}.{name}")

    try:
        try:
            chosen = {} if database is None else {"database_url": database}
            settings = module("settings").Settings(**chosen)
        except Exception as error:
            raise as_serve_error(error) from error
        module("main")
        try:
            with module("kit.wiring").open_session(settings) as session:
                yield module("kit.events.stored").StoredEvents(session)
        except module("kit.errors").StartupError as error:
            raise DatabaseError(str(error)) from None
    finally:
        memory.unload(package)
