"""The class SessionDatabase: the operations of a Database, in the transaction of a session."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import MetaData

from .condition_log import ConditionLog
from .core import Database
from .session_backend import SessionBackend
from .state import State
from .statements import Prepared, Statement

_SECRET = secrets.token_bytes(32)
"""The secret if no application has started, for example in a test."""


class SessionDatabase(Database):
    """A Database whose operations run in the transaction of a session (see `Database.in_session`).

    `prepared` contains the statements that are already compiled.
    """

    def __init__(
        self,
        session: Any,
        where: str,
        secret: bytes,
        prepared: dict[tuple[Statement, tuple[str, ...]], Prepared],
        *,
        commits: bool = False,
    ) -> None:
        self._session = SessionBackend(session, commits=commits)
        self._backend: Any = self._session
        self.kind = self._session.dialect.name
        self.where = where
        self.state = State(where)
        self.state.record_open()
        self._secret = secret or _SECRET
        self._metadata = MetaData()
        self._log = ConditionLog(self.state)
        is_compiled = all(one.kind == self.kind for one in prepared.values())
        self._prepared = prepared if is_compiled else {}

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Database]:
        """Run operations in one transaction: a savepoint, unless each operation is committed."""
        backend = self._session
        inner = SessionDatabase(backend.session, self.where, self._secret, self._prepared)
        inner.spans = self.spans
        begin = backend.commit_after if backend.commits else backend.savepoint
        async with begin(inner._session):
            yield inner
