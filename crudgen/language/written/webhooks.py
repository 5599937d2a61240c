"""The key `webhooks` of crudgen.yaml. Reason to change: another key of a webhook."""

from typing import Any

from pydantic import Field

from crudgen.language import patterns
from crudgen.language.webhooks import MAX_WEBHOOK_NAME, MAX_WEBHOOKS

from .base import BaseSpec
from .value_types import FieldList, Line, Text


class WebhookSpec(BaseSpec):
    """A receiver of events."""

    url: Line | None = Field(
        default=None,
        description="Default URL, https://…; the setting WEBHOOK_<NAME>_URL overrides it.",
    )
    events: list[Text] = Field(
        json_schema_extra={
            "minItems": 1,
            "uniqueItems": True,
            "items": {
                "type": "string",
                "pattern": r"^[A-Z][A-Za-z0-9]*\.[a-z][a-z0-9_]*$",
                "patternErrorMessage": "Expected an entity and an event, such as Hero.created.",
            },
        },
        description="Events to send: Hero.created, Hero.updated, Hero.deleted, or an entity and an"
        " action, such as Hero.promote.",
    )
    fields: dict[str, FieldList] = Field(
        default={},
        description="The fields of the rows that are sent, by entity, such as {Hero: [id, name]};"
        " by default all that the API returns.",
    )


def add_rules(webhooks: dict[str, Any], webhook: dict[str, Any]) -> None:
    """Add what editors check to the JSON Schemas of `webhooks`, and of a webhook."""
    webhooks |= {
        "minProperties": 1,
        "maxProperties": MAX_WEBHOOKS,
        "propertyNames": {
            "pattern": f"^{patterns.WEBHOOK_NAME}$",
            "maxLength": MAX_WEBHOOK_NAME,
            "errorMessage": "Expected a name in lower case, such as crm.",
        },
        "defaultSnippets": [
            {"body": {"${1:crm}": {"url": "${2:https://}", "events": ["${3:Hero.created}"]}}}
        ],
    }
    webhook["properties"]["url"] |= {
        "pattern": f"^(?:{patterns.WEBHOOK_URL})$",
        "patternErrorMessage": "Expected a URL, such as https://example.com/hooks.",
    }
