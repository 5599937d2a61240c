"""The keys `limits` and `names` of crudgen.yaml. Reason to change: another limit or case."""

from pydantic import Field

from crudgen.language.names import Case

from .base import BaseSpec
from .value_types import CaseWord, Count, Number


class LimitsSpec(BaseSpec):
    """Default resource limits of the application."""

    body_bytes: Count | None = Field(
        default=None, description="Maximum size of a request body, in bytes."
    )
    statement_seconds: Number | None = Field(
        default=None, description="Maximum duration of an SQL statement, in seconds."
    )
    lock_seconds: Number | None = Field(
        default=None,
        description="Maximum wait for a lock or a database connection, in seconds.",
    )
    connections: Count | None = Field(
        default=None, description="Maximum number of database connections per process."
    )


class NamesSpec(BaseSpec):
    """Cases of the names that fields do not set themselves."""

    columns: CaseWord = Field(default=Case.SNAKE, description="Case of the names of columns.")
    json_names: CaseWord = Field(
        alias="json",
        default=Case.SNAKE,
        description="Case of the names in JSON and in query parameters.",
    )
