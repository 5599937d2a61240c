"""What a client asks of a list: filters, order, search, pages."""

from .query import ListQuery, SparseRow

__all__ = ["ListQuery", "SparseRow"]
