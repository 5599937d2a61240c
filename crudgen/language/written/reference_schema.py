"""JSON Schema of references and links. Reason to change: what editors check in them."""

from typing import Any

from crudgen.language.names import ClassName, FieldName
from crudgen.language.relations import OnDelete
from crudgen.language.types import REFERENCE_DOC, REFERENCE_OPTIONS

from . import shorthand
from .name_schema import field_names_schema, forbid_reserved_table_names, key_schemas

_NO_ENTITY = "Write an entity after '->', such as -> Team."
_NO_NULL = "'set_null' requires a reference that accepts null"


def short_form_schema() -> dict[str, Any]:
    """Return the schema of references in the short form."""
    options = [option.example or option.name for option in REFERENCE_OPTIONS.values()]
    listed = " ".join(f"`{option}`" for option in options)
    wrong = f"Unknown or misplaced option. Options of a reference: {', '.join(options)}."
    complete = {
        "if": {"pattern": shorthand.reference_pattern()},
        "then": {
            "pattern": shorthand.nullable_pattern(),
            "patternErrorMessage": f"{_NO_NULL}, such as -> Team? set_null.",
        },
        "else": no_match_schema(wrong),
    }
    return {
        "markdownDescription": f"`-> Entity[?]`: {REFERENCE_DOC}\n\nOptions: {listed}",
        "if": {"pattern": shorthand.target_pattern()},
        "then": {
            "if": {"pattern": shorthand.reference_default_pattern()},
            "then": complete,
            "else": no_match_schema("Invalid default for a reference. Write it such as = 1."),
        },
        "else": no_match_schema(_NO_ENTITY),
    }


def no_match_schema(message: str) -> dict[str, Any]:
    """Return a schema that no text matches, with the message for it."""
    return {"pattern": "(?!)", "patternErrorMessage": message}


def long_form_schema() -> dict[str, Any]:
    """Return the schema of references in the long form."""
    return {
        "allOf": [
            {"required": ["type", "to"]},
            {"$ref": "#/$defs/ReferenceSpec"},
            {
                "if": {
                    "required": ["on_delete"],
                    "properties": {"on_delete": {"const": OnDelete.SET_NULL}},
                },
                "then": {
                    "required": ["optional"],
                    "properties": {"optional": {"const": True}},
                    "errorMessage": f"{_NO_NULL}: write 'optional: true'.",
                },
            },
        ]
    }


def add_rules(reference: dict[str, Any], link: dict[str, Any]) -> None:
    """Add what editors check to the schemas of the keys of references and of links."""
    for what, spec in (("reference", reference), ("link", link)):
        keys = spec["properties"]
        keys["to"] |= _name_schema(ClassName, "Expected an entity, such as Team.")
        keys["inverse"] = _inverse_schema(keys["inverse"])
        # A separate rule, so that a missing key has a separate message.
        del spec["required"]
        spec["errorMessage"] = f"Unknown option. Options of a {what}: {', '.join(keys)}."
    keys = reference["properties"]
    keys["type"] = {
        "$ref": "#/$defs/FieldSpec/properties/type",
        "description": keys["type"]["description"],
    }
    keys["relation"] |= _name_schema(FieldName, _relation_name_message())
    keys["order"]["items"] = _name_schema(FieldName, "Expected a field, such as age or -age.", "-?")
    keys = link["properties"]
    keys["via"] |= _name_schema(ClassName, "Expected an entity, such as Membership.")
    keys["table"] |= key_schemas()["table"]
    forbid_reserved_table_names(keys["was"])


def links_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the links of an entity, each in the short or the long form."""
    message = "Expected an entity, such as Power, or a map (the long form)."
    snippet = {"label": "Power", "body": "${1:Power}", "description": "A linked entity"}
    return {
        "type": "object",
        "description": schema["description"],
        "errorMessage": "Expected a map of links, such as 'powers: Power'.",
        "propertyNames": field_names_schema(),
        "additionalProperties": {
            "description": "The linked entity, such as Power, or a map (the long form).",
            # As in `field_schema`, the snippets are those of a string.
            "anyOf": [{"type": "string", "defaultSnippets": [snippet]}, {}],
            "if": {"type": "object"},
            "then": {"allOf": [{"required": ["to"]}, {"$ref": "#/$defs/LinkSpec"}]},
            "else": {**_name_schema(ClassName, message), "errorMessage": message},
        },
    }


def _inverse_schema(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": schema["description"],
        "if": {"type": "string"},
        "then": _name_schema(FieldName, _relation_name_message()),
        "else": {"const": False, "errorMessage": "Expected a name, or false."},
    }


def _name_schema(
    kind: type[ClassName | FieldName], message: str, before: str = ""
) -> dict[str, Any]:
    pattern = f"^{before}{kind.PATTERN.pattern}$"
    return {"type": "string", "pattern": pattern, "patternErrorMessage": message}


def _relation_name_message() -> str:
    return f"Invalid name: {FieldName.RULE.replace('field', 'relation')}."
