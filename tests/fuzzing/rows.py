"""The rows that exist while schemathesis runs: requests refer to them by their keys.

Nearly every random key is that of no row. Rows of each entity are created as soon as a request
needs the key of one.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any
from uuid import uuid4

import httpx

from crudgen.codegen.views.sample_rows import sample_body
from crudgen.codegen.views.wire import to_json_value
from crudgen.language.names import ClassName, singular_of
from crudgen.language.properties import keys_property
from crudgen.language.relations import NestedWrite, RelationKind
from crudgen.language.schema import Entity, Field, Schema, TypeName

FEWEST = 2
"""Rows of an entity: its fields have two samples."""


@dataclass
class Rows:
    """The keys of rows of an application."""

    schema: Schema
    client: httpx.Client
    random: Random
    known: dict[ClassName, list[Any]] = field(default_factory=dict)
    """Keys by entity, until a row is created or deleted."""

    @cached_property
    def references(self) -> Mapping[str, Entity]:
        """The entity of the rows that a property refers to, by its name."""
        return {
            one.json_name: self.schema.entity(one.reference.target)
            for entity in self.schema.entities
            for one in entity.fields
            if one.reference is not None
        }

    @cached_property
    def links(self) -> Mapping[str, Entity]:
        """The entity of the rows that a list of keys refers to, by the name of the property."""
        targets = [
            (one, self.schema.entity(one.target))
            for entity in self.schema.entities
            for one in entity.relations
            if one.kind is RelationKind.MANY_TO_MANY
        ]
        return {keys_property(one, target.key.name): target for one, target in targets}

    @cached_property
    def nested(self) -> Mapping[str, Entity]:
        """The entity of the rows that a body creates together with another row."""
        return {
            name: self.schema.entity(entity.relation(name).target)
            for entity in self.schema.entities
            for name, kind in entity.api.write
            if kind is NestedWrite.CREATE
        }

    @cached_property
    def unique(self) -> Mapping[str, Field]:
        """The fields of the shortest unique text, by the name of the property."""
        fields = [one for entity in self.schema.entities for one in entity.fields if _unique(one)]
        fields.sort(key=lambda one: one.max_length or 0, reverse=True)
        return {one.json_name: one for one in fields}

    @cached_property
    def relations(self) -> set[str]:
        """The names of relations."""
        return {one.json_name for entity in self.schema.entities for one in entity.relations}

    @cached_property
    def parameters(self) -> Mapping[str, Entity]:
        """The entity of the row whose key a path contains, by the name of the parameter."""
        ends = [
            (f"{singular_of(one.name)}_id", self.schema.entity(one.target))
            for entity in self.schema.entities
            for one in entity.relations
        ]
        return dict(ends) | {f"{entity.singular}_id": entity for entity in self.schema.entities}

    def key(self, entity: Entity) -> Any:
        """Return the key of a row, None if there is none."""
        if not self.known.get(entity.name):
            self.known[entity.name] = self._at_least_some(entity)
        keys = self.known[entity.name]
        return self.random.choice(keys) if keys else None

    def new_key(self, entity: Entity) -> Any:
        """Return the key of a new row, to which none refers; that of any row if it is rejected."""
        response = self._create(entity, number=0)
        self.known.pop(entity.name, None)
        return response.json()[entity.key.json_name] if response.is_success else self.key(entity)

    def some_keys(self, entity: Entity) -> list[Any]:
        """Return the keys of up to three rows."""
        keys = [self.key(entity) for _ in range(self.random.randint(1, 3))]
        return [*dict.fromkeys(key for key in keys if key is not None)]

    def changed(self, entity: Entity | None, method: str) -> None:
        """Read keys again if rows were created, and all if some were deleted: others went too."""
        if method == "DELETE":
            self.known.clear()
        elif entity is not None and method in {"POST", "PUT"}:
            self.known.pop(entity.name, None)

    def at(self, path: str) -> Entity | None:
        """Return the entity of the rows that requests to a path are about."""
        for entity in self.schema.entities:
            below = re.fullmatch(re.escape(entity.path) + r"/(?:\{\w+\}/([\w-]+)/.*)?", path)
            if below and below[1]:
                name = below[1].replace("-", "_")
                target = next(one.target for one in entity.relations if one.name == name)
                return self.schema.entity(target)
            if path.startswith(f"{entity.path}/"):
                return entity
        return None

    def in_body(self, body: Any, entity: Entity, method: str, chance: Callable[[], bool]) -> Any:
        """Return a body whose references are keys of rows, as often as chance has it."""
        if isinstance(body, list) and method == "PUT":  # the keys of linked rows
            return self.some_keys(entity) if chance() else body
        if isinstance(body, list):
            return [self.in_body(one, entity, method, chance) for one in body]
        if not isinstance(body, dict):
            return body
        return {
            name: value
            if value is None or not chance()
            else self._in_property(name, value, entity, method, chance)
            for name, value in body.items()
        }

    def _in_property(
        self, name: str, value: Any, entity: Entity, method: str, chance: Callable[[], bool]
    ) -> Any:
        if name in self.references:
            return self.key(self.references[name])
        if name in self.links:
            return self.some_keys(self.links[name])
        if name in self.nested:
            return self.in_body(value, self.nested[name], method, chance)
        if name == entity.key.json_name and method == "PATCH":
            return self.key(entity)
        return (_unique(self.unique[name]) if name in self.unique else None) or value

    def features(self, query: Any, body: Any, found: Any) -> Iterator[str]:
        """Yield what a request used that few random ones use; included rows have to exist."""
        for name in query or ():
            yield from (word for word in ("any", "none", "exists") if f"__{word}" in name)
        for row in found if isinstance(found, list) else [found]:
            if depth := self._depth(row):
                yield f"include of {depth} steps"
        for one in body if isinstance(body, list) else [body]:
            for name in one if isinstance(one, dict) else ():
                if one[name] and name in {*self.nested, *self.links}:
                    yield name

    def _depth(self, row: Any) -> int:
        """Return how many steps the included rows are away."""
        if not isinstance(row, dict):
            return 0
        related = [value for name, value in row.items() if name in self.relations]
        rows = [one for value in related for one in (value if isinstance(value, list) else [value])]
        return max((1 + self._depth(one) for one in rows if one), default=0)

    def _at_least_some(self, entity: Entity) -> list[Any]:
        found = self._listed(entity)
        for number in range(len(found), FEWEST):
            self._create(entity, number)
        return found if len(found) >= FEWEST else self._listed(entity)

    def _listed(self, entity: Entity) -> list[Any]:
        name = entity.key.json_name
        response = self.client.get(f"{entity.path}/", params={"fields": name})
        return [row[name] for row in response.json()] if response.is_success else []

    def _create(self, entity: Entity, number: int) -> httpx.Response:
        body: dict[str, Any] = sample_body(entity)
        for one in entity.fields:
            if one.reference is None:
                value = _unique(one) or to_json_value(one, one.samples[number])
            elif one.optional:
                value = None
            else:
                value = self.key(self.schema.entity(one.reference.target))
            if one.preset is not None and number == 0:
                body.pop(one.json_name, None)  # the row is the caller's
            elif not one.read_only:
                body[one.json_name] = value
        return self.client.post(f"{entity.path}/", json=body)


def _unique(field: Field) -> str | None:
    """Return a value that no row has, None if any value will do, or if there are few."""
    if not (field.unique or field.pk) or field.pattern is not None:
        return None
    match field.type:
        case TypeName.EMAIL:
            return f"{uuid4().hex}@example.com"
        case TypeName.STR:
            return uuid4().hex[: field.max_length]
    return None
