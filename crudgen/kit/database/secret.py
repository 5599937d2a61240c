"""The secret of an application: kept in its database, so that all its processes share it."""

import secrets

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    func,
    insert,
    select,
)

from .rights import missing_rights

SECRETS = Table(
    "_secret",
    MetaData(),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("value", LargeBinary, nullable=False),
)
_BYTES = 32


def read_secret(connection: Connection) -> bytes:
    """Return the secret that the table keeps, or nothing if it is empty."""
    kept = select(SECRETS.c.value).where(func.length(SECRETS.c.value) > 0)
    found = connection.scalar(kept.order_by(SECRETS.c.id))
    return bytes(found or b"")


def create_secret(connection: Connection) -> bytes:
    """Put a new secret into the table."""
    made = secrets.token_bytes(_BYTES)
    number = select(func.coalesce(func.max(SECRETS.c.id), 0) + 1).scalar_subquery()
    connection.execute(insert(SECRETS).values(id=number, value=made))
    return made


def secret_grant(connection: Connection) -> str | None:
    """Return the GRANT without which the secret cannot be read."""
    if connection.dialect.name != "postgresql":
        return None
    for right in missing_rights(connection, [SECRETS]):
        if right.stops_reading:
            return f"GRANT SELECT ON {right.place} TO {right.role}"
    return None
