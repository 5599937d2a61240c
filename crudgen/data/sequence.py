"""Sequences of generated keys, for rows with keys of their own. Reason to change: databases."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Column
    from sqlmodel import Session


def advance_sequence(session: "Session", column: "Column[Any]") -> int | None:
    """Advance the sequence of a key past all rows on PostgreSQL, and return its OID.

    Return None if there is none: SQLite follows the largest key by itself.
    """
    if session.get_bind().dialect.name != "postgresql":
        return None
    from crudgen.kit.database import sequences  # noqa: PLC0415 -- imports SQLAlchemy

    found = session.execute(sequences.sequence_statement(column), {"rule": ""}).one()
    if found.sequence is None:
        return None
    advance = sequences.advance_statement(column)
    session.execute(advance, {"sequence": found.sequence, "may_set": found.may_set})
    sequence: int = found.sequence
    return sequence


def take_write_lock(session: "Session") -> None:
    """Begin a transaction that writes on SQLite, so that no other one writes after its reads."""
    from sqlalchemy import select  # noqa: PLC0415 -- slow to import

    if session.get_bind().dialect.name == "sqlite":
        session.rollback()
        session.execute(select(1).with_for_update())
