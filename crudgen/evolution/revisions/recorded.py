"""The revisions that a database has. Reason to change: where Alembic records them."""

from sqlalchemy import Connection

from crudgen.evolution.statements import run
from crudgen.kit.database.catalogue import read_tables

_TABLE = "alembic_version"


def recorded_revisions(connection: Connection) -> tuple[str, ...]:
    """Return the names of the last revisions that have run: none, one, or one of each branch."""
    if not read_tables(connection, [_TABLE]):
        return ()
    rows = run(connection, f"SELECT version_num FROM {_TABLE} ORDER BY version_num")
    return tuple(rows.scalars().all())
