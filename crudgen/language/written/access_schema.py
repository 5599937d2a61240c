"""JSON Schema of callers and rules, for editors. Reason to change: what a spec says of them."""

from keyword import kwlist
from typing import Any

from crudgen.language.access import (
    ANYONE,
    CALLER_ATTRIBUTES,
    NOBODY,
    OWNER,
    REGISTERED_CLAIMS,
    RESERVED_ROLES,
    USER,
    WRITE,
    Action,
)
from crudgen.language.names import FieldName, ModuleName
from crudgen.language.reserved import LIBRARY_ATTRIBUTES

_ROLE = ModuleName.PATTERN.pattern
_NAME = f"^{_ROLE}$"
_QUOTED = r"""(?:"[^"]*"|'[^']*')"""
_CLAIM = (
    r"^ *(?:list *\( *(?:int|str|uuid) *\)|int|str|uuid|bool|enum *\([^()]*\)) *\??"
    rf" *(?:= *(?:{_QUOTED}|[A-Za-z_][^\s()]*) *)?$"
)
_EXAMPLES = [ANYONE, USER, NOBODY, "user if owner_id = me.id"]
_WORD = {
    "type": "string",
    "pattern": rf"^(?:{_ROLE}|(?!nobody\b){_ROLE}\s+if\s+\S[\s\S]*)$",
    "patternErrorMessage": "Expected anyone, user, owner, a role of crudgen.yaml, or nobody; with a"
    " condition, as in user if owner_id = me.id.",
    "examples": _EXAMPLES,
}
_SAYING = {
    "type": "object",
    "properties": {
        "rule": {"type": "string", "pattern": r"\sif\s", "description": "A rule with 'if'."},
        "says": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "pattern": r"^[^\x00-\x1f]*$",
            "description": "Message of the response if the row does not satisfy the condition.",
        },
    },
    "required": ["rule", "says"],
    "additionalProperties": False,
}
_RULE = {"if": {"type": "object"}, "then": _SAYING, "else": _WORD}
_LIST = {"type": "array", "items": _RULE, "minItems": 1, "uniqueItems": True}
_WHO = {"if": {"type": "array"}, "then": _LIST, "else": _RULE}
_FIELD_RULES = {
    "type": "object",
    "minProperties": 1,
    "description": "Who may see and set some fields, among the callers who may read or write the"
    " row.",
    "additionalProperties": {
        "if": {"type": "object"},
        "then": {
            "type": "object",
            "properties": {
                str(Action.READ): {**_WHO, "description": "Who may see the field."},
                WRITE: {**_WHO, "description": "Who may set the field to another value."},
            },
            "additionalProperties": False,
            "minProperties": 1,
        },
        "else": _WHO,
    },
}
_DESCRIPTIONS = {
    Action.READ: "Who may read rows: in lists, alone, and as related rows of others.",
    Action.CREATE: "Who may create rows.",
    Action.UPDATE: "Who may update and replace rows, and change their links.",
    Action.DELETE: "Who may delete rows.",
    WRITE: "Who may create, update and delete rows.",
}


_FIELDS = {
    OWNER: "Field that says whom a row belongs to: in rules, owner is user if this field = me.",
    "tenant": "Field that equals the caller's attribute of the same name in all rules and in unique"
    " values.",
}


def access_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the key `access`, with the description of another one."""
    properties: dict[str, Any] = {
        str(key): {**_WHO, "description": text} for key, text in _DESCRIPTIONS.items()
    }
    for key, text in _FIELDS.items():
        name = {"type": "string", "pattern": f"^{FieldName.PATTERN.pattern}$"}
        properties[key] = {**name, "description": text, "errorMessage": "Expected a field."}
    properties["fields"] = _FIELD_RULES
    parts = [{"required": [one]} for one in (Action.CREATE, Action.UPDATE, Action.DELETE)]
    rules = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "minProperties": 1,
        "not": {"required": [WRITE], "anyOf": parts},
    }
    return {
        "if": {"type": "object"},
        "then": rules,
        "else": _WHO,
        "description": schema["description"],
    }


def action_access_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the key `access` of an action, with the description of another one."""
    own = {**_WORD, "examples": [str(Action.UPDATE), str(Action.READ), *_EXAMPLES]}
    rule = {"if": {"type": "object"}, "then": _SAYING, "else": own}
    either = {"if": {"type": "array"}, "then": _LIST, "else": rule}
    return {**either, "description": schema["description"]}


def add_rules(auth: dict[str, Any], tokens: dict[str, Any]) -> None:
    """Add the rules of names, claims and URLs to the schemas of `auth` and `tokens`."""
    properties = auth["properties"]
    taken = sorted({*CALLER_ATTRIBUTES, *LIBRARY_ATTRIBUTES, *kwlist})
    properties["me"] |= {
        "propertyNames": {
            "pattern": _NAME,
            "not": {"anyOf": [{"enum": taken}, _pydantic_prefix_schema()]},
        },
        "additionalProperties": {
            "type": "string",
            "pattern": _CLAIM,
            "patternErrorMessage": "Expected a type and a claim, such as int = sub.",
        },
    }
    properties["roles"] |= {
        "items": {"type": "string", "pattern": _NAME, "not": {"enum": sorted(RESERVED_ROLES)}},
        "uniqueItems": True,
    }
    properties["roles_claim"]["not"] = {"enum": sorted(REGISTERED_CLAIMS)}
    tokens["properties"]["jwks"]["pattern"] = "^https?://"
    auth["if"] = {"required": ["users"], "properties": {"users": {"type": "string"}}}
    auth["then"] = {"properties": {"tokens": False, "me": {"maxProperties": 0}}}


def _pydantic_prefix_schema() -> dict[str, Any]:
    return {"pattern": "^model_"}
