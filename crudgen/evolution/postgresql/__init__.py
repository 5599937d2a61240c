"""Changes on PostgreSQL. Reason to change: what other modules use."""

from .steps import lower

__all__ = ["lower"]
