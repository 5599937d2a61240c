"""Reads the current state of the database connections and of group commit."""

from ..database import Database
from .instruments import Instruments


class Sampler:
    """Sets the metrics whose values the database knows."""

    def __init__(self, database: Database, instruments: Instruments) -> None:
        self._database = database
        self._instruments = instruments
        self._batches = self._writes = 0

    def sample(self) -> None:
        """Set the values."""
        found, to = self._database.usage(), self._instruments
        to.most_connections.set(found["max"])
        to.connections.labels("used").set(found["used"])
        to.connections.labels("idle").set(found["idle"])
        to.pending.set(found["waiting"])
        to.queued_writes.set(found.get("queued", 0))
        batches, writes = found.get("batches", 0), found.get("writes", 0)
        to.batches.inc(batches - self._batches)
        to.writes.inc(writes - self._writes)
        self._batches, self._writes = batches, writes
