"""Changes on PostgreSQL. Reason to change: what other modules use."""

from .steps import lower, steps_without_database

__all__ = ["lower", "steps_without_database"]
