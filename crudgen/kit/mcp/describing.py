"""What an agent has to know of an API: its entities, or the fields and operations of one."""

from collections.abc import Iterable, Mapping
from typing import Any

from .catalogue import Catalogue, Collection, Operation, schema_name_of

_OF_LISTS = {"offset", "limit", "cursor", "sort", "fields", "include", "count", "q"}
"""Parameters of a list that are arguments of their own; the others are filters."""
_NOISE = {"title", "format", "pattern"}
"""Keywords of JSON Schema that an agent does not need: errors name what they reject."""


def describe_api(title: str, catalogue: Catalogue) -> dict[str, Any]:
    """Return the names of the entities, each with its description and operations."""
    return {
        "api": title,
        "entities": {
            one.name: {
                **({"doc": one.doc} if one.doc else {}),
                "operations": one.operations,
                **({"actions": [*one.actions]} if one.actions else {}),
                **({"relations": [*one.relations]} if one.relations else {}),
            }
            for one in catalogue.collections.values()
        },
    }


def describe_entity(collection: Collection, catalogue: Catalogue) -> dict[str, Any]:
    """Return the properties, operations, filters, sorts, relations and actions of an entity."""
    found: dict[str, Any] = {"entity": collection.name, "operations": collection.operations}
    if collection.doc:
        found["doc"] = collection.doc
    found |= _essential_schema(_schemas(collection))
    if (listed := collection.rows.get("get")) is not None:
        found["list"] = _describe_list(listed)
    if (read := collection.row.get("get")) is not None:
        found["read"] = {
            one["name"]: _accepted_words(one["schema"])
            for one in read.parameters("query")
            if one["name"] in {"include", "fields"}
        }
    if collection.relations or collection.links:
        names = dict.fromkeys([*collection.relations, *collection.links])
        found["relations"] = {name: _describe_relation(collection, name) for name in names}
    changes = (collection.row.get("patch"), collection.row.get("delete"))
    if any(one is not None and _requires_etag(one) for one in changes):
        found["etag"] = "required: pass the etag that read_rows returns for a key"
    if named := catalogue.referenced_schemas(_schemas(collection)):
        found["schemas"] = _essential_schema(named)
    return found


def _schemas(collection: Collection) -> dict[str, Any]:
    """Return the schemas of a row, and of the values that tools take."""
    found = {"row": _schema_of_row(collection)}
    for word, operation in (
        ("create_values", collection.rows.get("post")),
        ("update_values", collection.row.get("patch")),
    ):
        found[word] = None if operation is None else operation.body
    if collection.actions:
        found["actions"] = {
            name: {"doc": one.described.get("description", ""), "values": one.body}
            for name, one in collection.actions.items()
        }
    return {key: value for key, value in found.items() if value is not None}


def _describe_list(listed: Operation) -> dict[str, Any]:
    """Return the arguments of a list, with the operators of each property that filters."""
    found: dict[str, Any] = {}
    filters: dict[str, list[str]] = {}
    limits = [f"{one}__limit" for one in _includable_relations(listed)]
    parameters = [one for one in listed.parameters("query") if one["name"] not in limits]
    plain = {one["name"] for one in parameters}
    for one in parameters:
        name = one["name"]
        if name in {"sort", "fields", "include"}:
            found[name] = _accepted_words(one["schema"])
        elif name == "q":
            found["search"] = one.get("description", "")
        elif name == "limit":
            found["max_limit"] = one["schema"].get("maximum")
        elif name not in _OF_LISTS:
            base, _, operator = name.rpartition("__")
            if base in plain or base in filters:
                filters.setdefault(base, []).append(operator)
            else:
                filters.setdefault(name, [])
    found["filters"] = filters
    found["filters_doc"] = (
        "Each property, with its operators. {'age': 3} is equality, {'age__gte': 3} an operator;"
        " values of in and not_in are lists."
    )
    if "include" in found:
        found["include_doc"] = (
            "Of a relation to many rows, 20 are included; {'relation__limit': 50} in filters for"
            " more."
        )
    return found


def _includable_relations(listed: Operation) -> list[str]:
    """Return the relations whose rows a list can include."""
    parameters = (one for one in listed.parameters("query") if one["name"] == "include")
    return [str(word) for one in parameters for word in _accepted_words(one["schema"])]


def _describe_relation(collection: Collection, name: str) -> list[str]:
    """Return what tools can do with the rows of a relation."""
    rows, links = collection.relations.get(name, {}), collection.links.get(name, {})
    words = (
        ("read_rows", rows, "get"),
        ("create_row", rows, "post"),
        ("create_row with target: link", links, "put"),
        ("delete_row with target: unlink", links, "delete"),
    )
    return [word for word, found, method in words if method in found]


def _schema_of_row(collection: Collection) -> Any:
    if (read := collection.row.get("get")) is not None and read.row is not None:
        return read.row
    if (listed := collection.rows.get("get")) is not None and listed.row is not None:
        return listed.row.get("items")
    return None


def _requires_etag(operation: Operation) -> bool:
    headers = operation.parameters("header")
    return any(one["name"] == "If-Match" and one.get("required") for one in headers)


def _accepted_words(schema: Mapping[str, Any]) -> Any:
    """Return the words that a list accepts, or its schema if they are not enumerated."""
    items = schema.get("items", schema)
    return items.get("enum", _essential_schema(items))


def _essential_schema(schema: Any) -> Any:
    """Return a schema without the keywords that an agent does not need.

    Its references are places in the description: `#/schemas/HeroCreate`.
    """
    if isinstance(schema, Mapping):
        return {
            key: _essential_value(key, value)
            for key, value in schema.items()
            if key not in _NOISE or not isinstance(value, str)
        }
    if isinstance(schema, Iterable) and not isinstance(schema, str | bytes):
        return [_essential_schema(one) for one in schema]
    return schema


def _essential_value(key: str, value: Any) -> Any:
    """Return the value of a keyword."""
    if key == "properties":  # its names are not keywords
        return {name: _essential_schema(schema) for name, schema in value.items()}
    if key == "$ref":
        return _place_in_description(value)
    if key == "discriminator" and isinstance(value, Mapping) and "mapping" in value:
        return {
            **value,
            "mapping": {one: _place_in_description(to) for one, to in value["mapping"].items()},
        }
    return _essential_schema(value)


def _place_in_description(reference: Any) -> Any:
    """Return the place in a description of what a reference of OpenAPI refers to."""
    return f"#/schemas/{schema_name_of(reference)}" if isinstance(reference, str) else reference
