"""The table of the events that wait for their functions."""

from sqlalchemy import BigInteger, Column, Table

from ..database.columns import SerialInteger, Text
from ..models import Model
from .queue import Queue

EVENTS = Table(
    "_event",
    Model.metadata,
    Column("id", SerialInteger, primary_key=True),
    Column("uid", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("key", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("body", Text),
    Column("created", BigInteger, nullable=False),
    Column("due", BigInteger, index=True),
    Column("attempts", BigInteger, nullable=False),
    Column("error", Text),
)
"""The events. `due` is when the function runs next, in milliseconds; null after all attempts.

A process that runs a function sets `due` to the end of its lease.
"""
QUEUE = Queue(EVENTS, ("entity", "key"))
"""The events of a row run one after another."""
