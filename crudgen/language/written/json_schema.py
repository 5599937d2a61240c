"""JSON Schema of specs, for editors. Reason to change: what editors can check or complete."""

from decimal import Decimal
from typing import Any

from crudgen.language import patterns
from crudgen.language.ranges import LIMITS, MAX_CHECKS

from . import field_schema, name_schema, reference_schema
from .access_schema import access_schema, action_access_schema, add_rules
from .api_schema import operation_rules
from .app import AppSpec
from .spec import MAX_FIELDS, EntitySpec
from .webhooks import add_rules as add_webhook_rules
from .words import CHECK_NAME, CHECK_NAME_RULE, FIELD_RULES

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DATABASE = {
    "pattern": f"^(?:{patterns.SQLITE_URL}|{patterns.POSTGRESQL_URL})$",
    "patternErrorMessage": "Expected a URL such as sqlite:///app.db or postgresql://host/name."
    " In the user and the password, write @ as %40 and / as %2F.",
}


def editor_schema() -> dict[str, Any]:
    """Return the JSON Schema of entity files; `#/$defs/AppSpec` is that of crudgen.yaml."""
    entity = _simplified(EntitySpec.model_json_schema())
    app = _simplified(AppSpec.model_json_schema())
    definitions = {**entity.pop("$defs"), **app.pop("$defs"), "AppSpec": app}
    for definition in definitions.values():
        if "required" not in definition:
            keys = ", ".join(definition["properties"])
            definition["errorMessage"] = f"Expected a map. Allowed keys: {keys}."
    definitions["ApiSpec"]["allOf"] = operation_rules()
    add_rules(definitions["AuthSpec"], definitions["TokensSpec"])
    app["properties"]["database"] |= _DATABASE
    add_webhook_rules(app["properties"]["webhooks"], definitions["WebhookSpec"])
    for key, (low, high) in LIMITS.items():
        limit = definitions["LimitsSpec"]["properties"][key]
        limit |= {"minimum": _json_number(low), "maximum": _json_number(high)}
    properties = entity["properties"]
    properties["fields"] = _fields_schema(properties["fields"])
    _add_checks(properties["check"], definitions["CheckSpec"]["properties"])
    properties["links"] = reference_schema.links_schema(properties["links"])
    reference_schema.add_rules(definitions["ReferenceSpec"], definitions["LinkSpec"])
    properties["access"] = access_schema(properties["access"])
    of_action = definitions["ActionSpec"]["properties"]
    of_action["access"] = action_access_schema(of_action["access"])
    name_schema.forbid_reserved_table_names(properties["was"])
    for key, name in name_schema.key_schemas().items():
        properties[key] = {**name, "description": properties[key]["description"]}
    return {
        "$schema": DIALECT,
        "title": "crudgen entity",
        **entity,
        "$defs": {**definitions, **field_schema.form_definitions()},
    }


def _fields_schema(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "maxProperties": MAX_FIELDS,
        "description": schema["description"],
        "errorMessage": "Expected a map of fields, such as 'name: str'.",
        "propertyNames": name_schema.field_names_schema(),
        "additionalProperties": field_schema.any_field_schema(),
    }


def _add_checks(checks: dict[str, Any], long_form: dict[str, Any]) -> None:
    """Add to the schema of checks the short form, and the rules of their names."""
    snippet = {"label": "starts_at < ends_at", "body": "${1:starts_at} < ${2:ends_at}"}
    condition = {"type": "string", "minLength": 1, "defaultSnippets": [snippet]}
    message = "Expected a condition, such as 'starts_at < ends_at', or a map with 'rule'."
    either = {"anyOf": [condition, checks["items"]], "errorMessage": message}
    checks |= {"maxItems": MAX_CHECKS, "items": either}
    long_form["rule"]["minLength"] = 1
    others = "|".join(FIELD_RULES)
    long_form["name"] |= {
        "pattern": f"^{CHECK_NAME}$",
        "patternErrorMessage": f"Invalid name: {CHECK_NAME_RULE}.",
        "not": {"pattern": f"(^|_)({others})$"},
    }


def _json_number(number: int | Decimal) -> int | float:
    return float(number) if isinstance(number, Decimal) else number


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
