"""The revision that Alembic has recorded in a database."""

from sqlalchemy import Column, Connection, MetaData, String, Table, select

from .catalogue import read_tables
from .rights import missing_rights

_VERSIONS = Table("alembic_version", MetaData(), Column("version_num", String))


def has_revision(connection: Connection) -> bool:
    """Return whether a revision is recorded; True too if the role cannot read the table."""
    if not read_tables(connection, [_VERSIONS.name]):
        return False
    is_postgresql = connection.dialect.name == "postgresql"
    if is_postgresql and any(
        one.prevents_reading for one in missing_rights(connection, [_VERSIONS])
    ):
        return True
    return connection.scalar(select(_VERSIONS.c.version_num).limit(1)) is not None
