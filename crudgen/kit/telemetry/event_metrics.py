"""Counts the events of functions and webhooks that wait or have failed, and how old they are."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Table, func, select

from ..database import Database
from ..events.queue import milliseconds
from ..models import Model

QUEUES = {"_event": "functions", "_delivery": "webhooks"}
"""The tables of events, and what handles them."""


class EventCounter:
    """Reads the numbers of events, which are the same in all processes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        tables = Model.metadata.tables
        self._queues = {QUEUES[name]: _totals(tables[name]) for name in QUEUES if name in tables}

    async def read(self) -> Sequence[Metric]:
        """Return the current values, without those that cannot be read now."""
        events = GaugeMetricFamily(
            "outbox_events",
            "Stored events: waiting for their function or receiver, or failed after all attempts.",
            labels=["queue", "state"],
        )
        age = GaugeMetricFamily(
            "outbox_oldest_event_seconds", "Age of the oldest event that waits.", labels=["queue"]
        )
        for queue, totals in self._queues.items():
            with suppress(Exception):  # the database logs what prevents it
                ((waiting, failed, oldest),) = await self._database.read(totals, {})
                events.add_metric([queue, "waiting"], waiting)
                events.add_metric([queue, "failed"], failed)
                seconds = 0.0 if oldest is None else max(0.0, (milliseconds() - oldest) / 1000)
                age.add_metric([queue], seconds)
        return events, age


def _totals(table: Table) -> Any:
    """Return the SELECT of how many events wait and have failed, and when the oldest was stored."""
    due, created = table.c.due, table.c.created
    waits = due.is_not(None)
    return select(
        func.count(due),
        func.count() - func.count(due),
        func.min(created).filter(waits),
    )
