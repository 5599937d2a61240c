"""The secret of the application, stored in the database and shared by all processes."""

import hashlib
import secrets

from pydantic import SecretStr
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


def hash_secret(secret: SecretStr) -> bytes:
    """Return the application's secret for the setting SECRET_KEY."""
    return hashlib.sha256(secret.get_secret_value().encode()).digest()


def read_secret(connection: Connection) -> bytes:
    """Return the stored secret; empty if there is none."""
    stored = select(SECRETS.c.value).where(func.length(SECRETS.c.value) > 0)
    found = connection.scalar(stored.order_by(SECRETS.c.id))
    return bytes(found or b"")


def create_secret(connection: Connection) -> bytes:
    """Store and return a new secret."""
    secret = secrets.token_bytes(_BYTES)
    number = select(func.coalesce(func.max(SECRETS.c.id), 0) + 1).scalar_subquery()
    connection.execute(insert(SECRETS).values(id=number, value=secret))
    return secret


def secret_grant(connection: Connection) -> str | None:
    """Return the GRANT statement that the role needs to read the secret; None if it can."""
    if connection.dialect.name != "postgresql":
        return None
    for right in missing_rights(connection, [SECRETS]):
        if right.prevents_reading:
            return f"GRANT SELECT ON {right.place} TO {right.role}"
    return None
