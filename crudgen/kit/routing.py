"""The former place of `kit/http/routing.py`; the next version does without it."""

from .http.routing import Router

__all__ = ["Router"]
