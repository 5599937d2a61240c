"""Signed messages about committed changes of rows, as Standard Webhooks describes them."""

from .router import SentRows, WebhookRouter

__all__ = ["SentRows", "WebhookRouter"]
