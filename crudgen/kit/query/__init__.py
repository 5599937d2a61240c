"""What a client asks of a list: filters, order, search, pages."""

from .query import Query

__all__ = ["Query"]
