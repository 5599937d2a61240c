"""The tables of a generated application, and its database. Reason to change: how they are found."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crudgen.delivery import memory
from crudgen.delivery.generation import as_serve_error

if TYPE_CHECKING:
    from sqlalchemy import MetaData


@dataclass(frozen=True, slots=True)
class Models:
    """The tables of an application, and the URL of its database."""

    metadata: "MetaData"
    database: str
    """The database URL, including the password."""
    import_module: Callable[[str], Any]
    """Imports a module of the application by its name, such as `heroes.models`."""


@contextmanager
def imported_models(tree: Mapping[str, str], database: str | None = None) -> Iterator[Models]:
    """Import the models of a tree from memory, without its application.

    `database` overrides DATABASE_URL and the spec. Raises ServeError for invalid settings.
    """
    package = memory.import_tree(tree)
    try:
        try:
            settings_type = importlib.import_module(f"{package.__name__}.settings").Settings
            chosen = {} if database is None else {"database_url": database}
            url = settings_type(**chosen).database_url
        except Exception as error:
            raise as_serve_error(error) from error
        importlib.import_module(f"{package.__name__}.api")
        models = importlib.import_module(f"{package.__name__}.kit.models")
        secret = getattr(url, "get_secret_value", None)
        yield Models(
            models.Model.metadata,
            str(secret() if secret else url),
            lambda name: importlib.import_module(f"{package.__name__}.{name}"),
        )
    finally:
        memory.unload(package)
