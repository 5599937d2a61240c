"""The secret of an application: kept in its database, so that all its processes share it."""

import secrets

from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, Table, insert, select

_METADATA = MetaData()
_SECRET = Table(
    "_secret",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("value", LargeBinary, nullable=False),
)
_BYTES = 32


def shared_secret(connection: Connection) -> bytes:
    """Read the secret; make it where there is none."""
    _METADATA.create_all(connection)
    found = connection.scalar(select(_SECRET.c.value))
    if found is None:
        found = secrets.token_bytes(_BYTES)
        connection.execute(insert(_SECRET).values(id=1, value=found))
    return bytes(found)
