"""What the functions that run after commits use."""

from .event import Event

__all__ = ["Event"]
