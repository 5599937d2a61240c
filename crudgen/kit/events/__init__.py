"""The names for the functions in `hooks.py` that run after commits."""

from .event import Event

__all__ = ["Event"]
