"""Default limits of the application, in the Schema. Reason to change: another limit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Default resource limits of the generated application."""

    body_bytes: int = 1_048_576
    """Largest request body, in bytes."""
    statement_seconds: float = 5.0
    """Longest duration of an SQL statement, in seconds."""
    lock_seconds: float = 2.0
    """Longest wait for a lock or a database connection, in seconds."""
    connections: int = 10
    """Maximum number of database connections per process."""


DEFAULT_LIMITS = Limits()
"""The limits of an application that sets none."""
