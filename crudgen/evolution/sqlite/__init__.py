"""Changes of tables on SQLite. Reason to change: its public API."""

from .steps import database_steps

__all__ = ["database_steps"]
