"""Signed messages about committed changes of rows, in the format of Standard Webhooks."""

from .router import EntityEvents, WebhookRouter

__all__ = ["EntityEvents", "WebhookRouter"]
