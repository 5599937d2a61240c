"""What a client asks of a list: filters, order, search, pages."""

from .query import ListQuery

__all__ = ["ListQuery"]
