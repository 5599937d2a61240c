"""Deprecated alias of `kit/http/logs.py`; the next version removes it."""

from .http.logs import REQUEST_ID, configure_logging, server_error

__all__ = ["REQUEST_ID", "configure_logging", "server_error"]
