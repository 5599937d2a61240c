"""JSON Schema of specs, for editors. Reason to change: what editors can check or complete."""

from typing import Any

from crudgen.language import names

from . import field_schema
from .spec import AppSpec, EntitySpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def editor_schema() -> dict[str, Any]:
    """Return the JSON Schema of entity files; `#/$defs/AppSpec` is that of crudgen.yaml."""
    schema = _simplified(EntitySpec.model_json_schema())
    app = _simplified(AppSpec.model_json_schema())
    definitions = {**schema.pop("$defs"), **app.pop("$defs"), "AppSpec": app}
    for definition in definitions.values():
        if "required" not in definition:
            keys = ", ".join(definition["properties"])
            definition["errorMessage"] = f"Expected a map. Allowed keys: {keys}."
    properties = schema["properties"]
    properties["fields"] = _fields(properties["fields"])
    for key, kind in (
        ("name", names.ClassName),
        ("table", names.TableName),
        ("plural", names.ModuleName),
        ("path", names.UrlPath),
    ):
        properties[key] = _name(properties[key], kind)
    return {
        "$schema": DIALECT,
        "title": "crudgen entity",
        **schema,
        "$defs": {**definitions, **field_schema.definitions()},
    }


def _fields(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": schema["description"],
        "errorMessage": "Expected a map of fields, such as 'name: str'.",
        "propertyNames": {
            "pattern": f"^{names.FieldName.PATTERN.pattern}$",
            "patternErrorMessage": f"Invalid name: {names.FieldName.RULE}.",
            "doNotSuggest": True,
        },
        "additionalProperties": field_schema.field(),
    }


def _name(schema: dict[str, Any], kind: type[names.Name]) -> dict[str, Any]:
    return {
        "type": "string",
        "pattern": f"^{kind.PATTERN.pattern}$",
        "patternErrorMessage": f"Invalid name: {kind.RULE}.",
        "description": schema["description"],
    }


def _simplified(node: Any) -> Any:
    """Return a JSON Schema without generated titles, null defaults and null alternatives."""
    if isinstance(node, list):
        return [_simplified(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: _simplified(value)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "default" and value in (None, False, []))
    }
    choices = kept.get("anyOf", [])
    if {"type": "null"} in choices:
        kept.pop("anyOf")
        rest = [choice for choice in choices if choice != {"type": "null"}]
        kept = {**rest[0], **kept} if len(rest) == 1 else {"anyOf": rest, **kept}
    return kept
