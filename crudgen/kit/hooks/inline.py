"""A database whose operations run at once, in the session of the current thread."""

from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from sqlalchemy import Insert
from sqlmodel import Session

from ..database import Database
from ..database.session_backend import SessionBackend
from ..database.session_database import SessionDatabase
from ..database.transaction import Row, Step

Result = TypeVar("Result")


class InlineBackend(SessionBackend):
    """Runs statements in the transaction of a session, without the event loop."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, commits=False)
        self.inserted: defaultdict[object, list[Any]] = defaultdict(list)
        """The keys of the rows that the last operation inserted, in this order, by table."""

    async def run(self, work: Callable[[Session], Result]) -> Result:
        """Run `work` in the current thread."""
        return work(self.session)

    async def write_all(self, steps: Sequence[Step]) -> list[Sequence[Row]]:
        """Run statements in a savepoint; return the rows of each."""
        found = await super().write_all(steps)
        self.inserted.clear()
        for step, rows in zip(steps, found, strict=True):
            statement = step.prepared.statement
            if isinstance(statement, Insert):
                self.inserted[statement.table] += [row[-1] for row in rows]
        return found


class InlineDatabase(SessionDatabase):
    """The operations of a Database in a session. Their coroutines never wait: see `result_of`."""

    def __init__(self, session: Session, db: Database) -> None:
        super().__init__(session, db.where, db._secret, db._prepared)
        self._session = self._backend = self.inline = InlineBackend(session)
        self.spans = db.spans

    def _record_condition(self, error: Exception, statement: object) -> None:
        """Record nothing: the database of the request records the error."""


def result_of(operation: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of a coroutine that never waits, such as that of an InlineDatabase."""
    try:
        operation.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    operation.close()
    raise RuntimeError("the operation waits for the event loop, which it cannot do in a hook")
