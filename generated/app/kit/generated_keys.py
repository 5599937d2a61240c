"""Keys that the server gives: whoever creates a row without sending its key has no conflict of it.

A sequence of PostgreSQL is moved where rows were inserted with their keys by SQL; a key that the
application makes is made again.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import TypeVar

from fastapi import HTTPException
from sqlalchemy import Table, TextualSelect

from .database import Change, Database
from .database.faults import http_error
from .database.sequences import NoKeyLeft, advance, sequence_of
from .errors import Conflict, Unavailable

ATTEMPTS = 5
Result = TypeVar("Result")
_log = logging.getLogger(__name__)


class KeyConflictError(Exception):
    """A row has a key that the server has given."""

    def __init__(self, error: Exception, fields: Sequence[str], answer: HTTPException) -> None:
        super().__init__()
        self.error = error
        """What the driver has raised."""
        self.fields = fields
        """The columns of the rule, as far as its name tells."""
        self.answer = answer
        """The answer, if it turns out to be the conflict of another rule."""


def is_used_up(error: Exception) -> bool:
    """Tell whether the counter of a key has reached its end."""
    return isinstance(error, NoKeyLeft) or getattr(error, "sqlstate", None) == "2200H"


class GeneratedKeys:
    """The keys of one table, where the server gives them."""

    def __init__(self, table: Table) -> None:
        (self._key,) = table.primary_key
        self._table = table
        self._is_counted = table.autoincrement_column is self._key
        self._is_reported = False

    async def insert(
        self, db: Database, write: Callable[[Sequence[Change]], Awaitable[Result]]
    ) -> Result:
        """Let `write` insert rows, after what it is given, until no key of them is another row's.

        Raises what `write` raises, and Unavailable if no key can be found.
        """
        before: Sequence[Change] = ()
        lag = ""
        for _ in range(ATTEMPTS):
            try:
                result = await write(before)
            except Exception as error:
                if is_used_up(error):
                    self._report("no key is left, its counter has reached the end")
                    raise NoKeyLeft from error
                conflict = self.conflict(error)
                if conflict is None:
                    raise
                before, lag = await self._skip(db, conflict)
            else:
                self._is_reported = False
                return result
        self._report(lag or "the keys that it is given are those of other rows")
        raise Unavailable

    def conflict(
        self, error: Exception, named: Callable[[HTTPException], HTTPException] = lambda it: it
    ) -> KeyConflictError | None:
        """Tell whether an error of the driver may be the conflict of a key."""
        if isinstance(error, KeyConflictError):
            return error
        answer = http_error(error, self._table)
        if isinstance(answer, Conflict) and set(answer.fields) <= {self._key.name}:
            return KeyConflictError(error, answer.fields, named(answer))
        return None

    async def _skip(self, db: Database, conflict: KeyConflictError) -> tuple[Sequence[Change], str]:
        """Give what moves the sequence past the keys that rows have, and what keeps it from that.

        Raises the answer if it is the conflict of another rule.
        """
        rule = getattr(getattr(conflict.error, "diag", None), "constraint_name", None)
        if conflict.fields and (rule is None or not self._is_counted):
            return (), ""  # the next attempt makes another key
        if rule is None:
            raise conflict.answer from conflict.error
        ((is_key, sequence, name, may_set),) = await db.read(self._find, {"rule": rule})
        if not is_key:
            raise conflict.answer from conflict.error
        if sequence is None:
            return (), "its key has no sequence"
        lag = (
            f"its sequence {name} lags behind the rows, and this role may not set it\n"
            f"  GRANT UPDATE ON SEQUENCE {name} TO the role"
        )
        values = {"sequence": sequence, "may_set": may_set}
        return [Change(self._advance, values)], "" if may_set else lag

    @cached_property
    def _find(self) -> TextualSelect:
        return sequence_of(self._key)

    @cached_property
    def _advance(self) -> TextualSelect:
        return advance(self._key)

    def _report(self, what: str) -> None:
        """Log what somebody has to put right; once, until a row is created."""
        if not self._is_reported:
            self._is_reported = True
            _log.error("table %s: %s", self._table.name, what)
