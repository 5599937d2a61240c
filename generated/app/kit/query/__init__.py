"""The query of a list: filters, sorting, search and pagination."""

from .query import ListQuery

__all__ = ["ListQuery"]
