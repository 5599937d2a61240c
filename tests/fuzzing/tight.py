"""A stricter copy of an OpenAPI document, for fuzzing: the document itself is for generators.

Typed clients need simple types: any JSON value is `{}`, 64-bit numbers have a format instead of
bounds, a decimal is a string, and a list is one of rows even if `fields` selects some properties
of them.
"""

import copy
from collections.abc import Iterator
from typing import Any

from crudgen.kit.types.text import NO_NUL
from crudgen.language.schema import Entity, Field, Schema, TypeName

JSON_TYPES = ("boolean", "number", "string", "array", "object")
ENDS = ("", "[A-Za-z0-9+/][AQgw]==", "[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=")
"""How base64 text ends if 0, 1 or 2 bytes follow the groups of 3."""


def tightened(document: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Return the copy for the application of a schema."""
    tight = copy.deepcopy(document)
    schemas = tight["components"]["schemas"]
    schemas["JsonItem"] = json_schema("null")
    for entity in schema.entities:
        for suffix in ("Create", "Update", "UpdateById", "Public"):
            properties = schemas.get(f"{entity.name}{suffix}", {}).get("properties", {})
            for field in entity.fields:
                if field.json_name in properties and not is_ignored(properties[field.json_name]):
                    tighten_property(properties[field.json_name], field)
                    if suffix != "Public":
                        allow_numbers(properties[field.json_name], field)
        tighten_rows(tight, entity)
    for place in (*schemas.values(), *parameters(tight)):
        bound_integers(place)
    return tight


def is_ignored(described: dict[str, Any]) -> bool:
    return bool(described.get("readOnly"))


def tighten_property(described: dict[str, Any], field: Field) -> None:
    if field.type is TypeName.JSON:
        described |= json_schema(*["null"] * field.optional)
    elif field.type is TypeName.BYTES:
        for one in (described, *described.get("anyOf", ())):
            if "contentEncoding" in one:
                one["anyOf"] = endings(field.min_length or 0, field.max_length or 0)


def allow_numbers(described: dict[str, Any], field: Field) -> None:
    """Allow numbers for decimals in requests."""
    if field.type is not TypeName.DECIMAL:
        return
    text = next(one for one in (described, *described.get("anyOf", ())) if "pattern" in one)
    largest = 10 ** ((field.precision or 0) - (field.scale or 0)) - 1
    number = {
        "type": "number",
        "multipleOf": 10 ** -(field.scale or 0),
        "minimum": -largest if field.minimum is None else float(field.minimum),
        "maximum": largest if field.maximum is None else float(field.maximum),
    }
    kept = {key: text.pop(key) for key in ("type", "pattern", "format", "examples") if key in text}
    if text is described:
        described["anyOf"] = [kept, number]
    else:
        text |= kept
        described["anyOf"].append(number)


def json_schema(*more: str) -> dict[str, Any]:
    item = {"$ref": "#/components/schemas/JsonItem"}
    return {
        "type": [*more, *JSON_TYPES],
        "pattern": NO_NUL,
        "items": item,
        "propertyNames": {"pattern": NO_NUL},
        "additionalProperties": item,
    }


def endings(least: int, most: int) -> list[dict[str, Any]]:
    """Describe base64 text by one alternative for each number of bytes after the groups of 3."""

    def characters(size: int, left: int) -> int:
        return (size - left) // 3 * 4 + (4 if left else 0)

    return [
        {
            "pattern": f"^([A-Za-z0-9+/]{{4}})*{end}$",
            "minLength": characters(least + 2, left),
            "maxLength": characters(most, left),
        }
        for left, end in enumerate(ENDS)
        if characters(least + 2, left) <= characters(most, left)
    ]


def tighten_rows(document: dict[str, Any], entity: Entity) -> None:
    """Forbid unknown properties of rows; a list may also have rows that lack some of them."""
    schemas, name = document["components"]["schemas"], f"{entity.name}Public"
    if name not in schemas:
        return
    row = schemas[name] = {**schemas[name], "additionalProperties": False}
    some = {**row, "minProperties": 1}
    del some["required"]
    schemas[f"{entity.name}Sparse"] = some
    operation = document["paths"].get(f"{entity.path}/", {}).get("get")
    if operation is not None:
        listed = operation["responses"]["200"]["content"]["application/json"]["schema"]
        listed["items"] = {
            "anyOf": [listed["items"], {"$ref": f"#/components/schemas/{entity.name}Sparse"}]
        }


def parameters(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the schemas of parameters, without keys in paths: no row has a key beyond 64 bits."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for one in operation.get("parameters", ()):
                if one["in"] != "path":
                    yield one["schema"]


def bound_integers(described: Any) -> None:
    """Add the bounds of 64 bits to integers, in place."""
    if isinstance(described, dict) and described.get("format") == "int64":
        described.setdefault("minimum", -(2**63))
        if "maximum" not in described:
            described["exclusiveMaximum"] = 2**63
    if isinstance(described, dict | list):
        for value in described.values() if isinstance(described, dict) else described:
            bound_integers(value)
