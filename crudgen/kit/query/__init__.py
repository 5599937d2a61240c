"""The query of a list: filters, sorting, search and pagination."""

from .query import ListQuery, SparseRow

__all__ = ["ListQuery", "SparseRow"]
