"""The former place of `kit/http/logs.py`; the next version does without it."""

from .http.logs import REQUEST_ID, configure_logging, server_error

__all__ = ["REQUEST_ID", "configure_logging", "server_error"]
