"""Deprecated alias of `kit/rows/resource.py`; the next version removes it."""

from .rows.resource import Resource

__all__ = ["Resource"]
