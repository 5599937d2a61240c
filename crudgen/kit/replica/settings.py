"""The settings of an application that reads from a replica."""

from typing import Annotated

from fastapi import FastAPI
from pydantic import Field

from ..database import Database
from ..database.urls import check_characters, scheme_of
from ..errors import StartupError
from ..settings import BaseAppSettings, Seconds
from .replica import Replica


class ReplicaSettings(BaseAppSettings):
    """The settings of reads from a replica."""

    database_read_url: str | None = None
    """URL of a streaming replica of PostgreSQL, which answers reads. Default: none."""
    read_wait_seconds: Annotated[float, Field(ge=0, le=60)] = 0.05
    """Time for the replica to replay the write of a token. Then the database answers the read."""
    max_read_lag_seconds: Seconds = 10.0
    """Maximum lag of the replica. If exceeded, the database answers all reads."""

    def install(self, app: FastAPI) -> None:
        """Configure the replica; raise StartupError if it cannot be one of the database."""
        super().install(app)
        app.state.replica = None
        if not self.database_read_url:
            return
        database: Database = app.state.database
        if database.kind != "postgresql":
            raise StartupError(
                "DATABASE_READ_URL is set, but the database is SQLite, which has no replicas\n"
                "  remove it, or set DATABASE_URL to the PostgreSQL server that it is a replica of"
            )
        try:
            app.state.replica = self._replica(self.database_read_url, database)
        except StartupError as error:
            message = str(error).removeprefix("database")
            raise StartupError(f"DATABASE_READ_URL{message}") from None

    def _replica(self, url: str, database: Database) -> Replica:
        check_characters(url)
        if scheme_of(url) != "postgresql":
            raise StartupError(" is no URL of PostgreSQL\n  write postgresql://user@replica/name")
        return Replica(
            url,
            database,
            connections=self.database_connections,
            statement_seconds=self.statement_seconds,
            lock_seconds=self.lock_seconds,
            preparing=self.database_prepared,
            wait_seconds=self.read_wait_seconds,
            lag_seconds=self.max_read_lag_seconds,
        )
