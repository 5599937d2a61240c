"""Keys of made-up rows. Reason to change: how rows get their keys."""

from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from crudgen.data.sequence import advance_sequence
from crudgen.errors import DatabaseError
from crudgen.language.schema import Entity, KeyKind, Value

from .values import uuid_at

if TYPE_CHECKING:
    from sqlalchemy import Column
    from sqlmodel import Session

_MAX_KEY = 2**63 - 1


def new_keys(
    session: "Session", entity: Entity, column: "Column[Any]", number: int, random: Random
) -> Iterator[Value]:
    """Yield so many keys that no row has, as the server generates them; none if clients do.

    Integers are taken from the sequence of the database, so that others do not get them too.
    """
    match entity.key_kind:
        case KeyKind.UUID:
            yield from (uuid_at(index, random) for index in range(number))
        case KeyKind.SERIAL if number:
            yield from _integers(session, column, number)


def _integers(session: "Session", column: "Column[Any]", number: int) -> Iterator[int]:
    from sqlalchemy import func, select, text  # noqa: PLC0415 -- slow to import

    sequence = advance_sequence(session, column)
    if sequence is not None:
        take = text(
            "SELECT nextval(CAST(CAST(:sequence AS oid) AS regclass))"
            " FROM generate_series(1, :number)"
        )
        values = {"sequence": sequence, "number": number}
        yield from session.execute(take, values).scalars()
        return
    last = session.execute(select(func.max(column))).scalar() or 0
    if session.get_bind().dialect.name == "sqlite":
        used = text("SELECT max(seq) FROM sqlite_sequence WHERE name = :name")
        last = max(last, session.execute(used, {"name": column.table.name}).scalar() or 0)
    if last + number > _MAX_KEY:
        raise DatabaseError(f"table {column.table.name} has no keys left for {number:,} rows")
    yield from range(last + 1, last + number + 1)
