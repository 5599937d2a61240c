"""Changes of tables on SQLite. Reason to change: its public API."""

from .steps import lower

__all__ = ["lower"]
