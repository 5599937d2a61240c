"""Deprecated alias of `kit/http/health.py`; the next version removes it."""

from .http.health import router

__all__ = ["router"]
