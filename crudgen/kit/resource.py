"""The former place of `kit/rows/resource.py`; the next version does without it."""

from .rows.resource import Resource

__all__ = ["Resource"]
