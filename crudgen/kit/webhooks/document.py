"""The webhooks of the OpenAPI document.

FastAPI would describe their bodies with the schemas of request bodies.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from ..models import Model

REFERENCE = "#/components/schemas/{model}"
_MODE: JsonSchemaMode = "serialization"
_HEADERS = {
    "webhook-id": "Unique for each message, and the same when it is sent again.",
    "webhook-timestamp": "When it is sent, in seconds since 1970; part of the signature.",
    "webhook-signature": "`v1,` and a signature in base64; several have spaces between them.",
}
_DOC = "Sent at least once, until a response is 2xx, and in the order of the changes of a row."
_TIMESTAMP = {"type": "string", "format": "date-time", "title": "Timestamp"}


@dataclass(frozen=True)
class Data:
    """The rows in a message to one receiver."""

    webhook: str
    public: type[Model]
    properties: Collection[str] | None
    """The properties that are sent; None if all are."""


def describe_messages(document: dict[str, Any], sent: Mapping[str, Sequence[Data]]) -> None:
    """Add the messages to an OpenAPI document; `sent` has their rows by the type of message."""
    publics = {data.public: None for each in sent.values() for data in each}
    references, definitions = models_json_schema(
        [(public, _MODE) for public in publics], ref_template=REFERENCE
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name, schema in definitions.get("$defs", {}).items():
        schemas.setdefault(name, schema)
    webhooks = document.setdefault("webhooks", {})
    for kind, each in sent.items():
        choices = [
            _schema_reference(data, references[data.public, _MODE], schemas) for data in each
        ]
        distinct = [one for position, one in enumerate(choices) if one not in choices[:position]]
        entity, _, word = kind.partition(".")
        name = f"{entity}{_camel_case(word)}Webhook"
        schemas.setdefault(name, _message_schema(name, kind, distinct))
        webhooks.setdefault(kind, {"post": _operation(kind, name)})


def _schema_reference(data: Data, whole: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return a reference to the schema of the data; add a schema if it has only some properties."""
    if data.properties is None:
        return whole
    schema = schemas[whole["$ref"].rpartition("/")[2]]
    entity = data.public.__name__.removesuffix("WithKeys").removesuffix("Public")
    name = f"{entity}For{_camel_case(data.webhook)}"
    some = {key: one for key, one in schema["properties"].items() if key in data.properties}
    required = [key for key in schema.get("required", ()) if key in some]
    schemas.setdefault(name, {**schema, "title": name, "properties": some, "required": required})
    return {"$ref": REFERENCE.format(model=name)}


def _message_schema(name: str, kind: str, choices: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the schema of a message, whose receivers may get different properties."""
    return {
        "title": name,
        "description": f"The message {kind}.",
        "type": "object",
        "properties": {
            "type": {"type": "string", "const": kind, "title": "Type"},
            "timestamp": {**_TIMESTAMP, "description": "When the row was changed, in UTC."},
            "data": choices[0] if len(choices) == 1 else {"anyOf": [*choices], "title": "Data"},
        },
        "required": ["type", "timestamp", "data"],
    }


def _operation(kind: str, name: str) -> dict[str, Any]:
    parameters = [
        {
            "name": header,
            "in": "header",
            "required": True,
            "description": text,
            "schema": {"type": "string"},
        }
        for header, text in _HEADERS.items()
    ]
    content = {"application/json": {"schema": {"$ref": REFERENCE.format(model=name)}}}
    return {
        "summary": kind,
        "description": _DOC,
        "parameters": parameters,
        "requestBody": {"required": True, "content": content},
        "responses": {"2XX": {"description": "The receiver has accepted the message"}},
    }


def _camel_case(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
