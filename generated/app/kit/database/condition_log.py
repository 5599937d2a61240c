"""Logs what prevents statements, with the GRANT statements for missing privileges."""

import asyncio
import contextlib

from anyio import to_thread
from sqlalchemy import Engine, MetaData

from ..errors import Condition
from .rights import find_missing_grants
from .state import State

_MAY_LACK_PRIVILEGES = {Condition.DENIED, Condition.TABLE_UNUSABLE}


class ConditionLog:
    """Logs the beginning of a condition."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._tasks: set[asyncio.Task[None]] = set()

    def log_begin(
        self, condition: Condition, reason: str, engine: Engine, metadata: MetaData
    ) -> None:
        """Log a condition and its reason, with the missing privileges that may cause it.

        `metadata` has the tables that the application uses.
        """
        if condition not in _MAY_LACK_PRIVILEGES:
            self._state.log_begin(condition, reason)
            return
        looking = self._log_with_grants(condition, reason, engine, metadata)
        task = asyncio.create_task(looking)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _log_with_grants(
        self, condition: Condition, reason: str, engine: Engine, metadata: MetaData
    ) -> None:
        with contextlib.suppress(Exception):  # then only the reason is logged
            grants = await to_thread.run_sync(find_missing_grants, engine, metadata)
            reason = "; ".join([reason, *grants])
        self._state.log_begin(condition, reason)
