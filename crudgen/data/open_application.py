"""Opens a generated application and its database, for commands about rows.

Reason to change: what such a command needs of an application.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crudgen.codegen.views.variables import folder_name
from crudgen.delivery.administration import imported_settings
from crudgen.errors import DatabaseError, NotConnectedError

if TYPE_CHECKING:
    from sqlalchemy.exc import DBAPIError
    from sqlmodel import Session

    from crudgen.language.schema import Entity


@dataclass(frozen=True, slots=True)
class OpenApplication:
    """A generated application that is imported, with a session on its database."""

    import_module: Callable[[str], Any]
    """Imports a module of the application by its name, such as `heroes.models`."""
    settings: Any
    session: "Session"

    def table_model(self, entity: "Entity") -> Any:
        """Return the table model of an entity."""
        return getattr(self.models_module(entity), str(entity.name))

    def create_model(self, entity: "Entity") -> Any:
        """Return the model of the bodies that create a row; None if no operation does."""
        return getattr(self.models_module(entity), f"{entity.name}Create", None)

    def update_model(self, entity: "Entity") -> Any:
        """Return the model of the bodies that change a row; None if no operation does."""
        return getattr(self.models_module(entity), f"{entity.name}Update", None)

    def models_module(self, entity: "Entity") -> Any:
        """Return the module with the models of an entity."""
        return self.import_module(f"{folder_name(entity.plural)}.models")


@contextmanager
def opened_application(
    tree: Mapping[str, str], database: str | None = None
) -> Iterator[OpenApplication]:
    """Import a tree from memory, create missing tables, and yield the application.

    `database` overrides DATABASE_URL and the spec. What is not committed is rolled back. Raises
    ServeError for invalid settings, NotConnectedError if the database cannot be used, and
    DatabaseError if it rejects a statement.
    """
    with imported_settings(tree, database) as (import_module, settings):
        from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 -- slow to import

        import_module("api")  # the tables
        try:
            with import_module("kit.wiring").open_session(settings) as session:
                yield OpenApplication(import_module, settings, session)
        except import_module("kit.errors").StartupError as error:
            raise NotConnectedError.of_startup(error) from None
        except DBAPIError as error:
            raise DatabaseError(
                f"{rejected_statement_message(error)}\n  nothing was changed"
            ) from None


def rejected_statement_message(error: "DBAPIError") -> str:
    """Return why a database rejected a statement, and the statement."""
    from crudgen.kit.database.faults import reason_of  # noqa: PLC0415 -- imports SQLAlchemy

    statement = " ".join((error.statement or "").split())
    lines = [f"the database rejected a statement: {reason_of(error)}"]
    return "\n".join([*lines, *([f"  statement: {statement[:300]}"] if statement else [])])
