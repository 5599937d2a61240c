"""The entities of an application and their operations, found in its OpenAPI document."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")
_ROW = re.compile(r"(?P<key>\{\w+\})")
_NESTED = re.compile(r"\{\w+\}/(?P<relation>[^/{}]+)/")
_LINK = re.compile(r"\{\w+\}/(?P<relation>[^/{}]+)/\{\w+\}")
_ACTION = re.compile(r"\{\w+\}/(?P<action>[^/{}]+)")
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """An operation: its method, the path with `{}` for keys, and its description in OpenAPI."""

    method: str
    path: str
    described: Document

    def parameters(self, place: str) -> Iterator[Document]:
        """Yield the parameters in the query, the path or the headers."""
        return (one for one in self.described.get("parameters", ()) if one["in"] == place)

    @property
    def body(self) -> Document | None:
        """The schema of the request body; None if there is none."""
        content = self.described.get("requestBody", {}).get("content", {})
        schema: Document | None = content.get("application/json", {}).get("schema")
        return schema

    @property
    def row(self) -> Document | None:
        """The schema of the response body; None if there is none."""
        content = self.described["responses"].get("200", self.described["responses"].get("201", {}))
        schema: Document | None = (
            content.get("content", {}).get("application/json", {}).get("schema")
        )
        return schema


@dataclass
class Collection:
    """An entity: its operations by method. Relations and actions have their names in snake_case."""

    name: str
    path: str
    doc: str
    rows: dict[str, Operation] = field(default_factory=dict)
    row: dict[str, Operation] = field(default_factory=dict)
    relations: dict[str, dict[str, Operation]] = field(default_factory=dict)
    links: dict[str, dict[str, Operation]] = field(default_factory=dict)
    actions: dict[str, Operation] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    """Segments below the collection that are not keys, such as `bulk`."""

    @property
    def operations(self) -> list[str]:
        """The tools that work with the rows, each as `create`, `list`, `read` and so on."""
        words = (
            ("list", self.rows, "get"),
            ("create", self.rows, "post"),
            ("read", self.row, "get"),
            ("update", self.row, "patch"),
            ("delete", self.row, "delete"),
        )
        return [word for word, found, method in words if method in found]


class Catalogue:
    """The collections of an application by name, and the schemas that their operations use."""

    def __init__(self, document: Document, paths: Mapping[str, str]) -> None:
        """Find the operations below each path of a collection; `paths` are by name."""
        self.document = document
        docs = {tag["name"]: tag.get("description", "") for tag in document.get("tags", ())}
        self.collections = {
            name: Collection(name, path, docs.get(name, "")) for name, path in paths.items()
        }
        by_path = {f"{one.path}/": one for one in self.collections.values()}
        for path, operations in document.get("paths", {}).items():
            above = max((one for one in by_path if path.startswith(one)), key=len, default=None)
            if above is None:
                continue
            for method in _METHODS:
                if method in operations:
                    found = Operation(method, re.sub(r"\{\w+\}", "{}", path), operations[method])
                    _add_operation(by_path[above], path.removeprefix(above), found)

    def referenced_schemas(self, schema: Any) -> dict[str, Any]:
        """Return the named schemas that a schema refers to, directly or not."""
        components = self.document.get("components", {}).get("schemas", {})
        found: dict[str, Any] = {}
        waiting = [schema]
        while waiting:
            for name in _references(waiting.pop()):
                if name not in found and name in components:
                    found[name] = components[name]
                    waiting.append(components[name])
        return found


def _add_operation(collection: Collection, rest: str, found: Operation) -> None:
    """Add an operation by its path below the collection. Others, such as bulk, have no tool."""
    if not rest:
        collection.rows[found.method] = found
    elif _ROW.fullmatch(rest):
        collection.row[found.method] = found
    elif match := _NESTED.fullmatch(rest):
        collection.relations.setdefault(_snake_case_name(match["relation"]), {})[found.method] = (
            found
        )
    elif match := _LINK.fullmatch(rest):
        collection.links.setdefault(_snake_case_name(match["relation"]), {})[found.method] = found
    elif match := _ACTION.fullmatch(rest):
        if found.method == "post":
            collection.actions[_snake_case_name(match["action"])] = found
    elif "{" not in rest:
        collection.others.add(rest.partition("/")[0])


def _snake_case_name(segment: str) -> str:
    return segment.replace("-", "_")


def schema_name_of(reference: str) -> str:
    """Return the name of the schema that a reference such as `#/components/schemas/Hero` is to."""
    return reference.rpartition("/")[2]


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key == "$ref" and isinstance(value, str):
                yield schema_name_of(value)
            elif key == "mapping" and isinstance(value, Mapping):  # of a discriminator
                yield from (schema_name_of(one) for one in value.values() if isinstance(one, str))
            else:
                yield from _references(value)
    elif isinstance(schema, list | tuple):
        for one in schema:
            yield from _references(one)
