"""A table of events as a queue: the statements that take events, and store their outcomes."""

import time
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
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

from ..database.columns import Text

MAX_CLAIMED = 8


def milliseconds() -> int:
    """Return the current time as the tables store it: in milliseconds since 1970."""
    return int(time.time() * 1000)


def _parameter(name: str, kind: Any = BigInteger) -> Any:
    return bindparam(f"{name}__", type_=kind)


class Queue:
    """The statements on a table of events.

    `order` names the columns whose values are those of one sequence: its events run one after
    another. An event is taken only if `condition` is met.
    """

    def __init__(
        self,
        table: Table,
        order: tuple[str, ...],
        condition: ColumnElement[bool] | None = None,
    ) -> None:
        column = table.columns
        this = update(table).where(column.id == _parameter("id")).returning(column.id)
        due, error = _parameter("due"), _parameter("error", Text())
        self.add = insert(table)
        self.claim = _claim_statement(table, order, condition)
        """Takes the events that are due and first in their sequence, until the end of a lease."""
        self.renew = this.values(due=due)
        """Moves the end of a lease."""
        self.release = this.values(due=due, attempts=_parameter("attempts"))
        """Returns an event to the queue that was not completed."""
        self.fail = this.values(due=due, error=error)
        """Stores the error of an event, and when it runs again."""
        self.done = delete(table).where(column.id == _parameter("id")).returning(column.id)


def _claim_statement(
    table: Table,
    order: tuple[str, ...],
    condition: ColumnElement[bool] | None,
) -> Any:
    """Return the statement that takes the first event of each sequence that is due.

    So the events of a row run in their order, and several processes never run one together.
    """
    column, earlier = table.columns, table.alias("earlier")
    same = [earlier.c[name] == column[name] for name in order]
    one = literal_column("1", Integer())
    is_first = ~exists(select(one).select_from(earlier).where(*same, earlier.c.id < column.id))
    due = select(column.id).where(column.due <= _parameter("now"), is_first)
    if condition is not None:
        due = due.where(condition)
    # Without an OFFSET, SQLAlchemy adds one for SQLite, with a parameter that is not bound.
    few = due.order_by(column.due, column.id).limit(literal_column(str(MAX_CLAIMED)))
    chosen = few.offset(literal_column("0")).with_for_update(skip_locked=True, of=table)
    claimed = update(table).where(column.id.in_(chosen))
    attempts = column.attempts + literal_column("1")
    return claimed.values(due=_parameter("due"), attempts=attempts).returning(
        column.id,
        column.uid,
        column.entity,
        column.key,
        column.kind,
        column.body,
        column.created,
        column.attempts,
    )
