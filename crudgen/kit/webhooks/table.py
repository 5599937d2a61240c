"""The table of the messages that wait to be sent."""

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    Table,
    bindparam,
    exists,
    literal_column,
    select,
    update,
)

from ..database.columns import SerialInteger, Text
from ..events.queue import Queue
from ..models import Model

GONE = 410
"""The status with which a receiver says that it wants no more messages."""

DELIVERIES = Table(
    "_delivery",
    Model.metadata,
    Column("id", SerialInteger, primary_key=True),
    Column("uid", Text, nullable=False),
    Column("webhook", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text),
    Column("created", BigInteger, nullable=False),
    Column("due", BigInteger),
    Column("attempts", BigInteger, nullable=False),
    Column("status", BigInteger),
    Column("error", Text),
    Index(None, "webhook", "due"),
    Index(None, "webhook", "key"),
)
"""The messages, one for each receiver. `due` is when it is sent next, in milliseconds; null after
all attempts. `status` is that of the last response.

A process that sends a message sets `due` to the end of its lease.
"""


def _receiver_not_gone() -> ColumnElement[bool]:
    """Return the condition of the messages for a webhook whose receiver has not answered 410."""
    gone = DELIVERIES.alias("gone")
    one = select(literal_column("1", Integer())).select_from(gone)
    webhook = bindparam("webhook__", type_=Text())
    said_so = one.where(
        gone.c.webhook == webhook,
        gone.c.due.is_(None),
        gone.c.status == literal_column(str(GONE), BigInteger()),
    )
    return (DELIVERIES.c.webhook == webhook) & ~exists(said_so)


QUEUE = Queue(DELIVERIES, ("webhook", "entity", "key"), _receiver_not_gone())
"""The messages about a row are sent to a receiver one after another."""
QUEUE.fail = (
    update(DELIVERIES)
    .where(DELIVERIES.c.id == bindparam("id__", type_=BigInteger))
    .values(
        due=bindparam("due__", type_=BigInteger),
        status=bindparam("status__", type_=BigInteger),
        error=bindparam("error__", type_=Text()),
    )
    .returning(DELIVERIES.c.id)
)
