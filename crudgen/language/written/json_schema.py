"""JSON Schema of specs, for editors. Reason to change: what editors can check or complete."""

from typing import Any

from crudgen.language import names
from crudgen.language.types import TYPES

from . import shorthand
from .spec import AppSpec, EntitySpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def editor_schema() -> dict[str, Any]:
    """Return the JSON Schema of entity files; `#/$defs/AppSpec` is that of crudgen.yaml."""
    schema = EntitySpec.model_json_schema()
    app = AppSpec.model_json_schema()
    definitions = {**schema.pop("$defs"), **app.pop("$defs"), "AppSpec": app}
    schema["properties"]["fields"] = _fields(schema["properties"]["fields"])
    _pattern(schema["properties"], "name", names.ClassName)
    for key, kind in (
        ("table", names.TableName),
        ("plural", names.ModuleName),
        ("path", names.UrlPath),
    ):
        _pattern(schema["properties"], key, kind)
    simplified: dict[str, Any] = _simplified({**schema, "$defs": definitions})
    return {"$schema": DIALECT, **simplified, "title": "crudgen entity"}


def _fields(schema: dict[str, Any]) -> dict[str, Any]:
    types = "\n".join(f"- `{info.name}`: {info.doc}" for info in TYPES.values())
    short = {
        "type": "string",
        "pattern": shorthand.pattern(),
        "description": f"type[(arguments)][?] [= default] [option …]\n\n{types}",
    }
    return {
        "type": "object",
        "description": schema["description"],
        "propertyNames": {"pattern": f"^{names.FieldName.PATTERN.pattern}$"},
        "additionalProperties": {"anyOf": [short, {"$ref": "#/$defs/FieldSpec"}]},
    }


def _pattern(properties: dict[str, Any], key: str, kind: type[names.Name]) -> None:
    description = properties[key]["description"]
    pattern = f"^{kind.PATTERN.pattern}$"
    properties[key] = {"type": "string", "pattern": pattern, "description": description}


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
        and not (key == "default" and value is None)
    }
    choices = kept.get("anyOf", [])
    if {"type": "null"} in choices:
        kept.pop("anyOf")
        rest = [choice for choice in choices if choice != {"type": "null"}]
        kept = {**rest[0], **kept} if len(rest) == 1 else {"anyOf": rest, **kept}
    return kept
