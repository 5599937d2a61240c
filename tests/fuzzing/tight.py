"""A stricter copy of an OpenAPI document, for fuzzing: the document itself is for generators.

Typed clients need simple types: any JSON value is `{}`, 64-bit numbers have a format instead of
bounds, a decimal is a string, and a list is one of rows even if `fields` selects some properties
of them. Lists of keys are arrays, although they are sets.
"""

import copy
import re
from collections.abc import Iterator
from typing import Any

from crudgen.kit.types.text import NO_NUL
from crudgen.language.schema import Entity, Field, Schema, TypeName

JSON_TYPES = ("boolean", "number", "string", "array", "object")
BODY = re.compile(r"(Create|Update|UpdateById)((In|With)[A-Z]\w*)?")
ROW = re.compile(r"Public(With[A-Z]\w*)?")
"""What follows the name of the entity in the name of a schema."""
ENDS = ("", "[A-Za-z0-9+/][AQgw]==", "[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=")
"""How base64 text ends if 0, 1 or 2 bytes follow the groups of 3."""


def tightened(document: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Return the copy for the application of a schema."""
    tight = copy.deepcopy(document)
    schemas = tight["components"]["schemas"]
    schemas["JsonItem"] = json_schema("null")
    rows = row_schemas(schemas, schema)
    require_unique_keys(tight, [schemas[name] for name in bodies(schemas, schema)])
    for name, entity in (bodies(schemas, schema) | rows).items():
        properties = schemas[name]["properties"]
        for field in entity.fields:
            if field.json_name in properties and not is_ignored(properties[field.json_name]):
                tighten_property(properties[field.json_name], field)
                if name not in rows:
                    allow_numbers(properties[field.json_name], field)
    for name, field in taken(schema):
        tighten_property(schemas[name]["properties"][field.json_name], field)
        allow_numbers(schemas[name]["properties"][field.json_name], field)
    tighten_rows(tight, [*rows])
    for place in (*schemas.values(), *parameters(tight)):
        bound_integers(place)
    return tight


def bodies(schemas: dict[str, Any], schema: Schema) -> dict[str, Entity]:
    """Return the entity of each schema of a request body."""
    return {
        name: entity
        for name in schemas
        for entity in schema.entities
        if BODY.fullmatch(name.removeprefix(entity.name)) and name.startswith(entity.name)
    }


def taken(schema: Schema) -> Iterator[tuple[str, Field]]:
    """Yield the properties of the request bodies of actions, with the names of the schemas."""
    for entity in schema.entities:
        for action in entity.actions:
            name = "".join(part.capitalize() for part in action.name.split("_"))
            yield from ((f"{entity.name}{name}", one) for one in action.takes)


def require_unique_keys(document: dict[str, Any], objects: list[dict[str, Any]]) -> None:
    """Say that keys of linked rows are given once; some generators would make sets of them."""
    lists = [one for described in objects for one in described["properties"].values()]
    for operations in document["paths"].values():
        for operation in operations.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                lists += [content["schema"]]
    for one in lists:
        if "items" in one and "$ref" not in one["items"]:
            one["uniqueItems"] = True


def row_schemas(schemas: dict[str, Any], schema: Schema) -> dict[str, Entity]:
    """Return the entity of each schema of a row, also of those with related rows."""
    found: dict[str, Entity] = {}

    def add(name: str, entity: Entity) -> None:
        if name in found:
            return
        found[name] = entity
        for relation in entity.relations:
            described = schemas[name]["properties"].get(relation.json_name, {})
            for one in (described.get("items", {}), described, *described.get("anyOf", ())):
                if "$ref" in one:
                    add(one["$ref"].rpartition("/")[2], schema.entity(relation.target))

    for entity in schema.entities:
        for name in schemas:
            if name.startswith(entity.name) and ROW.fullmatch(name.removeprefix(entity.name)):
                add(name, entity)
    return found


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


def tighten_rows(document: dict[str, Any], rows: list[str]) -> None:
    """Forbid unknown properties of rows; lists may also have rows that lack some of them."""
    schemas = document["components"]["schemas"]
    for name in rows:
        schemas[name] = {**schemas[name], "additionalProperties": False}
        some = copy.deepcopy(schemas[name]) | {"minProperties": 1}
        some.pop("required", None)
        schemas[f"{name}Sparse"] = some
        for described in some["properties"].values():
            for one in (described.get("items", {}), described, *described.get("anyOf", ())):
                if one.get("$ref", "").rpartition("/")[2] in rows:
                    one["$ref"] += "Sparse"
    for operations in document["paths"].values():
        operation = operations.get("get", {})
        if any(one["name"] == "fields" for one in operation.get("parameters", ())):
            listed = operation["responses"]["200"]["content"]["application/json"]["schema"]
            sparse = {"$ref": f"{listed['items']['$ref']}Sparse"}
            listed["items"] = {"anyOf": [listed["items"], sparse]}


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
