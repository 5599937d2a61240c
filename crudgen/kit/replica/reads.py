"""The database for the handler of one request: it reads from a replica where possible."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from ..database import Database
from ..database.faults import reason_of
from ..database.postgresql import Postgresql
from ..database.sqlite import Sqlite
from ..database.statements import Prepared, Statement, Values
from ..database.transaction import Change, Row
from .replica import Replica


class ReplicaReads(Database):
    """A Database whose SELECTs outside of transactions run on a replica.

    After a write, it reads from the primary. `after` is the position that reads must contain.
    """

    def __init__(self, primary: Database, replica: Replica, after: int) -> None:
        vars(self).update(vars(primary))
        self._primary, self._replica, self._after = primary, replica, after
        self._has_written = False
        self._exported: Postgresql | None = None
        if found := replica.conditions.names:
            self.readiness = f"ready, but the replica is {found}"

    async def check(self) -> None:
        """Check the primary."""
        await self._primary.check()

    async def read(
        self, statement: Statement | Prepared, values: Values, *, short: bool = False
    ) -> Sequence[Row]:
        """Return the rows of a SELECT, from the replica unless it may not answer."""
        if not self._has_written and self.state.phase is None:
            if not isinstance(statement, Prepared):
                statement = self._prepare(statement, ())
            rows = await self._replica.read(statement, values, self._after)
            if rows is not None:
                return rows
        return await self._primary.read(statement, values, short=short)

    async def snapshot_backend(self) -> Sqlite | Postgresql:
        """Return the backend that reads a snapshot: that of the primary for a read with a token.

        Of several replicas behind one URL, another one may answer the next connection.
        """
        if not self._after and not self._has_written:
            self._exported = await self._replica.snapshot_backend()
        return self._exported or self._backend

    def _record_error(self, error: Exception, statement: object) -> None:
        """Log the error of a snapshot."""
        if self._exported is None:
            self._primary._record_error(error, statement)
        else:
            self._replica.conditions.log_failed_read(reason_of(error))

    async def write(
        self,
        statement: Statement,
        values: Values,
        columns: tuple[str, ...] = (),
        read_back: Statement | None = None,
    ) -> Sequence[Row]:
        """Run one statement on the primary."""
        self._has_written = True
        return await self._primary.write(statement, values, columns, read_back)

    async def write_all(self, changes: Sequence[Change]) -> list[Sequence[Row]]:
        """Run changes on the primary."""
        self._has_written = True
        return await self._primary.write_all(changes)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Database]:
        """Run operations in one transaction on the primary."""
        self._has_written = True
        async with self._primary.transaction() as inner:
            yield inner
