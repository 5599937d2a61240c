"""Keys that the server gives: whoever creates a row without sending its key has no conflict of it.

A sequence of PostgreSQL is moved where rows were inserted with their keys by SQL; a key that the
application makes is made again.
"""

import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from fastapi import HTTPException
from sqlalchemy import Insert, Select, Table, TextualSelect

from ..database import Change, Database
from ..database.backend import Row
from ..database.faults import http_error
from ..database.sequences import advance, sequence_of
from ..database.statements import Values
from ..errors import Conflict, Unavailable

ATTEMPTS = 5
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


class GeneratedKeys:
    """The keys of one table, where the server gives them."""

    def __init__(self, table: Table) -> None:
        (self._key,) = table.primary_key
        self._table = table
        self._is_counted = table.autoincrement_column is self._key
        self._is_reported = False

    async def write(
        self,
        db: Database,
        statement: Insert,
        values: Values,
        columns: tuple[str, ...],
        read_back: Select[Any],
    ) -> Sequence[Row]:
        """Insert a row, again if its key is another row's.

        Raises what `Database.write` raises, and Unavailable if no key can be found.
        """
        try:
            rows = await db.write(statement, values, columns, read_back)
        except Exception as error:
            change = Change(statement, values, columns, read_back=read_back)
            return (await self._repeat(db, [change], error))[0]
        self._is_reported = False
        return rows

    async def write_all(self, db: Database, changes: Sequence[Change]) -> list[Sequence[Row]]:
        """Write what inserts rows, again if the key of one is another row's.

        Raises what `Database.write_all` raises, and Unavailable if no key can be found.
        """
        try:
            found = await db.write_all(changes)
        except Exception as error:
            return await self._repeat(db, changes, error)
        self._is_reported = False
        return found

    async def _repeat(
        self, db: Database, changes: Sequence[Change], error: Exception
    ) -> list[Sequence[Row]]:
        """Write again, now that an attempt has failed; raise its error if no key is the reason."""
        lag = ""
        for _ in range(ATTEMPTS - 1):
            conflict = self.conflict(error)
            if conflict is None:
                raise error
            before, lag = await self._skip(db, conflict)
            try:
                found = await db.write_all([*before, *changes])
            except Exception as another:
                error = another
            else:
                self._is_reported = False
                return found[len(before) :]
        if self.conflict(error) is None:
            raise error
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
