"""The table of the events whose functions have to run, and its statements."""

import time
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    Table,
    bindparam,
    delete,
    exists,
    insert,
    literal_column,
    select,
    update,
)

from ..database.columns import SerialInteger, Text
from ..models import Model

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
MAX_CLAIMED = 8


def milliseconds() -> int:
    """Return the current time as the table has it."""
    return int(time.time() * 1000)


_now = bindparam("now__", type_=BigInteger)
_due = bindparam("due__", type_=BigInteger)
_id = bindparam("id__", type_=BigInteger)
_attempts = bindparam("attempts__", type_=BigInteger)


def _claim() -> Any:
    """Return the statement that takes the first event of each row that is due.

    So the events of a row run in their order, and several processes never run one together.
    """
    column, earlier = EVENTS.columns, EVENTS.alias("earlier")
    same_row = (
        earlier.c.entity == column.entity,
        earlier.c.key == column.key,
        earlier.c.id < column.id,
    )
    is_first = ~exists(select(literal_column("1", Integer())).select_from(earlier).where(*same_row))
    due = select(column.id).where(column.due <= _now, is_first).order_by(column.due, column.id)
    # Without an OFFSET, SQLAlchemy adds one for SQLite, with a parameter that is not bound.
    few = due.limit(literal_column(str(MAX_CLAIMED))).offset(literal_column("0"))
    chosen = few.with_for_update(skip_locked=True, of=EVENTS)
    claimed = update(EVENTS).where(column.id.in_(chosen))
    return claimed.values(due=_due, attempts=column.attempts + literal_column("1")).returning(
        column.id,
        column.uid,
        column.entity,
        column.key,
        column.kind,
        column.body,
        column.created,
        column.attempts,
    )


ADD = insert(EVENTS)
CLAIM = _claim()
RENEW = update(EVENTS).where(EVENTS.c.id == _id).values(due=_due).returning(EVENTS.c.id)
"""Moves the end of a lease."""
RELEASE = (
    update(EVENTS)
    .where(EVENTS.c.id == _id)
    .values(due=_due, attempts=_attempts)
    .returning(EVENTS.c.id)
)
"""Gives an event back, whose function has not completed."""
FAIL = (
    update(EVENTS)
    .where(EVENTS.c.id == _id)
    .values(due=_due, error=bindparam("error__", type_=Text()))
    .returning(EVENTS.c.id)
)
DONE = delete(EVENTS).where(EVENTS.c.id == _id).returning(EVENTS.c.id)
