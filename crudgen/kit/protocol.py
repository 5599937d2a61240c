"""The former place of `kit/http/protocol.py`; the next version does without it."""

from .http.protocol import HttpProtocol

__all__ = ["HttpProtocol"]
