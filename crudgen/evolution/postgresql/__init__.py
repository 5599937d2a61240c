"""Changes on PostgreSQL. Reason to change: what other modules use."""

from .steps import database_steps, steps_without_database

__all__ = ["database_steps", "steps_without_database"]
