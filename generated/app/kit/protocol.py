"""Deprecated alias of `kit/http/protocol.py`; the next version removes it."""

from .http.protocol import HttpProtocol

__all__ = ["HttpProtocol"]
