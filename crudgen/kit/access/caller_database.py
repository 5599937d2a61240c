"""A database for one caller: it binds the values that the conditions of rules contain."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from sqlalchemy import Select

from ..database import Change, Database
from ..database.statements import Prepared, Statement, Values
from ..database.transaction import Row
from .caller import BaseCaller
from .denials import RowDenied


class CallerBoundDatabase:
    """Runs statements with the attributes of a caller as values of parameters.

    A condition without these values cannot run, so it never allows anything.
    """

    def __init__(self, db: Database, values: Mapping[str, Any]) -> None:
        self._db, self._values = db, values
        self.kind = db.kind
        """`sqlite` or `postgresql`."""

    @property
    def database_and_added_values(self) -> tuple[Database, Values]:
        """The database, and the values of the caller."""
        return self._db, self._values

    @property
    def secret(self) -> bytes:
        """The application's secret."""
        return self._db.secret

    def compile(self, statement: Statement) -> Prepared:
        """Compile a statement that is not cached here, as `Database.compile` does."""
        return self._db.compile(statement)

    async def read(
        self, statement: Statement | Prepared, values: Values, *, short: bool = False
    ) -> Sequence[Row]:
        """Return the rows of a SELECT, as `Database.read` does."""
        return await self._db.read(statement, {**values, **self._values}, short=short)

    async def write(
        self,
        statement: Statement,
        values: Values,
        columns: tuple[str, ...] = (),
        read_back: Select[Any] | None = None,
    ) -> Sequence[Row]:
        """Run one statement, as `Database.write` does."""
        change = Change(statement, values, columns, read_back=read_back)
        return (await self.write_all([change]))[0]

    async def write_all(self, changes: Sequence[Change]) -> list[Sequence[Row]]:
        """Run changes in one transaction, as `Database.write_all` does."""
        try:
            return await self._db.write_all(
                [replace(one, values={**one.values, **self._values}) for one in changes]
            )
        except RowDenied as denied:
            await denied.log(self)
            raise


def as_caller(db: Database, caller: BaseCaller | None) -> Database:
    """Return a database whose statements can contain the conditions of rules for a caller.

    A caller without credentials has no values: a statement that needs one is not run, the driver
    raises.
    """
    if isinstance(db, CallerBoundDatabase):
        return cast(Database, db)
    return cast(Database, CallerBoundDatabase(db, {} if caller is None else caller.bound_values))
