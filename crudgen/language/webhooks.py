"""Webhooks: receivers of events, and what is sent. Reason to change: what a webhook can say."""

from dataclasses import dataclass

from .hooks import Hook
from .names import ClassName, FieldName, ModuleName

EVENTS: dict[Hook, str] = {
    Hook.CREATE: "created",
    Hook.UPDATE: "updated",
    Hook.DELETE: "deleted",
}
"""The words for what was done with a row. An action has its own name."""
MAX_WEBHOOKS = 20
MAX_WEBHOOK_NAME = 30


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """An event that a webhook sends: a committed change of a row, or a committed action."""

    entity: ClassName
    kind: str
    """What was done: a hook, or the name of an action."""

    @property
    def name(self) -> str:
        """The type of the message: `Hero.created`, `Hero.promote`."""
        word = EVENTS[Hook(self.kind)] if self.kind in Hook.__members__.values() else self.kind
        return f"{self.entity}.{word}"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver of events, at a URL."""

    name: ModuleName
    """Part of the names of its settings: `crm` has WEBHOOK_CRM_URL and WEBHOOK_CRM_SECRET."""
    url: str | None = None
    """Default of the URL; None if the environment has to set it."""
    events: tuple[WebhookEvent, ...] = ()
    """What is sent, in the order of the spec."""
    fields: tuple[tuple[ClassName, tuple[FieldName, ...]], ...] = ()
    """The properties of the rows that are sent; all of an entity that is not listed."""
