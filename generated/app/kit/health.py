"""The former place of `kit/http/health.py`; the next version does without it."""

from .http.health import router

__all__ = ["router"]
