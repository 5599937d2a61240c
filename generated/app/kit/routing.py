"""Deprecated alias of `kit/http/routing.py`; the next version removes it."""

from .http.routing import Router

__all__ = ["Router"]
