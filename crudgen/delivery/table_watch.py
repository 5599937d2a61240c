"""Notices that other processes change tables. Reason to change: how that is noticed."""

from collections.abc import Callable

from crudgen.delivery.generation import Generation
from crudgen.errors import DatabaseError
from crudgen.evolution.connecting import Database
from crudgen.evolution.versions import tables_version


class TableWatch:
    """Notices changes of the tables of the last generation; changes nothing itself."""

    def __init__(self) -> None:
        self._url = ""
        self._seen: str | None = None

    def prepare_change(
        self, new: Generation, current: Generation | None
    ) -> Callable[[], None] | None:
        """Remember the tables as they are now, and return None: nothing is changed."""
        del current
        self._url = new.database
        self._seen = self._tables_version()
        return None

    def tables_have_changed(self) -> bool:
        """Return whether any table has changed since `prepare_change` was called."""
        version = self._tables_version()
        return version not in {None, self._seen}

    def report_mistakes(self, current: Generation) -> None:
        """Do nothing: the tables stay as they are."""

    def _tables_version(self) -> str | None:
        """Return the version of the tables; None if the database cannot be read."""
        try:
            with Database(self._url).read_only_connection() as connection:
                return tables_version(connection)
        except DatabaseError:
            return None
