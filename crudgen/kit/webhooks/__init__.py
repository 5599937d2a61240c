"""Signed messages about committed changes of rows, in the format of Standard Webhooks."""

from .router import SentRows, WebhookRouter

__all__ = ["SentRows", "WebhookRouter"]
