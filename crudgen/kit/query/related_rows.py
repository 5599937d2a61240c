"""The relations of a response model, and what a query includes of them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self, TypeAlias
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy import ColumnElement, FromClause, Table, Uuid

from ..models import Model
from .columns import Columns
from .listing import max_row_bytes
from .query import ListQuery
from .relations import ManyToMany, ManyToOne, OneToMany, OneToOne, Relation, Relations, own_model
from .visibility import ALL, Visibility

DEFAULT_LIMIT = 20
"""Default number of included rows, of a relation to many rows."""
Source: TypeAlias = Mapping[str, ColumnElement[Any]]
"""The columns of a table or a subquery, by attribute."""


def path_steps(path: str) -> list[str]:
    """Return the attributes of a path such as `team__name`. One of `class___name` is `class_`."""
    return re.split("__(?!_)", path)


class RelatedRows:
    """The rows of a relation, as properties of the response model that contains them."""

    def __init__(self, name: str, relation: Relation, container: type[Model]) -> None:
        self.name = name
        self.relation = relation
        self.is_many = isinstance(relation, OneToMany | ManyToMany)
        self._container = container
        self._visibility = ALL

    def with_visibility(self, visibility: Visibility) -> Self:
        """Return the relation with only the rows that can be read, also of its own relations."""
        found = copy(self)
        found._visibility = visibility
        found.__dict__.pop("related", None)
        if masks := visibility.masks(self.columns.properties.table):
            found.__dict__["columns"] = self.columns.masked(masks)
        return found

    @cached_property
    def json_name(self) -> str:
        """The name of the property."""
        return self.relation.json_name or self._json_name(self.name)

    @cached_property
    def has_more_name(self) -> str:
        """The name of the property that says whether there are more rows than were included."""
        return self._json_name(f"{self.name}_more")

    @cached_property
    def count_name(self) -> str:
        """The name of the property with the number of rows."""
        return self._json_name(f"{self.name}_count")

    def encode_value(self, value: Any) -> bytes:
        """Return the number of rows as JSON."""
        return str(value).encode()

    def _json_name(self, attribute: str) -> str:
        field = self._container.model_fields.get(attribute)
        return (field and field.serialization_alias) or attribute

    @property
    def models(self) -> Sequence[type[Model]]:
        """The models of the tables that the rows are read from."""
        relation = self.relation
        if isinstance(relation, ManyToMany):
            return relation.model, relation.link
        return (relation.model,)

    @cached_property
    def columns(self) -> Columns:
        """The columns of the rows."""
        public = own_model(self.relation.public)
        return Columns(self.relation.model, public, filter_by=None, sort_by=None, search_in=())

    @cached_property
    def max_row_bytes(self) -> int:
        """The estimated maximum bytes of a row."""
        return max_row_bytes(self.relation.model, self.columns)

    @cached_property
    def related(self) -> "Mapping[str, RelatedRows]":
        """The relations of the rows, by attribute."""
        known = related_rows(self.relation.relations, self.relation.public)
        if self._visibility is ALL:
            return known
        return {name: one.with_visibility(self._visibility) for name, one in known.items()}

    @property
    def hides_rows(self) -> bool:
        """Whether some rows of the target cannot be read."""
        return self._visibility.hides_rows(self.columns.properties.table)

    def source(self, name: str | None, kind: str) -> FromClause:
        """Return the rows of the target that can be read, to select from."""
        return self._visibility.source(self.columns.properties.table, name, kind)

    def link(
        self, name: str | None, kind: str
    ) -> tuple[FromClause, ColumnElement[Any], ColumnElement[Any]] | None:
        """Return the link table, with its references to the row and to the related row."""
        relation = self.relation
        if not isinstance(relation, ManyToMany):
            return None
        table: Table = relation.link.__table__  # type: ignore[attr-defined]
        columns: Any = dict(relation.link.__mapper__.columns)  # type: ignore[attr-defined]
        link = self._visibility.source(table, name, kind)
        return link, link.c[columns[relation.by].key], link.c[columns[relation.to].key]

    def order(self) -> Sequence[tuple[str, bool]]:
        """Return the attributes that rows are sorted by, each with whether it descends."""
        sort = [*getattr(self.relation, "order", ()), self.columns.key]
        return [(name.removeprefix("-"), name.startswith("-")) for name in sort]

    def matches(self, target: Source, near: Source, near_key: str) -> ColumnElement[bool]:
        """Return the condition of the related rows of one row. Raises TypeError for many to many.

        `near` has the columns of that row, and `near_key` is the attribute of its key.
        """
        match self.relation:
            case ManyToOne(by=by):
                return target[self.columns.key] == near[by]
            case OneToOne(by=by) | OneToMany(by=by):
                return target[by] == near[near_key]
            case ManyToMany():
                raise TypeError(f"{self.name} has a link table")


class LinkedKeys(RelatedRows):
    """The keys of linked rows, as a property of a row."""

    def __init__(
        self, name: str, relation: Relation, container: type[Model], attribute: str
    ) -> None:
        super().__init__(name, relation, container)
        self._attribute = attribute

    @cached_property
    def count_name(self) -> str:
        """The name of the property with the keys."""
        return self._json_name(self._attribute)

    def encode_value(self, value: Any) -> bytes:
        """Return the keys as JSON, sorted. `value` is a JSON array from the database."""
        keys = from_json(value or "[]")
        if isinstance(self.columns.column(self.columns.key).type, Uuid):
            keys = [str(UUID(key)) for key in keys]
        return to_json(sorted(keys))


def related_rows(relations: Relations, container: type[Model]) -> Mapping[str, RelatedRows]:
    """Return the relations of a response model, by attribute."""
    return {name: RelatedRows(name, one, container) for name, one in relations.items()}


def attributes(source: FromClause, columns: Columns) -> Source:
    """Return the columns of an alias or a subquery of a table, by attribute."""
    return columns.properties.columns_of(source)


def tables_of(source: Source) -> set[FromClause]:
    """Return the tables and subqueries of columns. Computed properties belong to none."""
    tables = (getattr(column, "table", None) for column in source.values())
    return {table for table in tables if table is not None}


@dataclass(frozen=True, slots=True)
class Include:
    """The rows of a relation that a query includes."""

    rows: RelatedRows
    number: int
    """The position among all includes of the query."""
    fields: tuple[str, ...] = ()
    """The attributes to return; empty: all."""
    limit: int = 1
    """Most rows for each row."""
    includes: "tuple[Include, ...]" = ()
    """What is included of the rows."""

    def with_visibility(self, visibility: Visibility) -> "Include":
        """Return the include of the rows that can be read."""
        includes = tuple(one.with_visibility(visibility) for one in self.includes)
        return replace(self, rows=visibility.rows(self.rows), includes=includes)

    @property
    def name(self) -> str:
        """The name of the related table in SQL."""
        return f"related_{self.number}"

    @property
    def limit_name(self) -> str:
        """The name of the bound parameter for the limit."""
        return f"include_{self.number}"

    @property
    def cache_key(self) -> tuple[object, ...]:
        """What determines the SQL: all but the limits."""
        nested = tuple(one.cache_key for one in self.includes)
        return (self.rows.name, self.fields, nested)


@dataclass(frozen=True, slots=True)
class RelatedQuery(ListQuery):
    """The parsed query of rows with related rows."""

    includes: tuple[Include, ...] = ()
    counts: tuple[RelatedRows, ...] = ()
    """The relations whose number of rows, or whose keys, are returned."""
    own_fields: tuple[str, ...] | None = None
    """The attributes to return of the rows themselves; None: all."""

    def with_visibility(self, visibility: Visibility) -> "RelatedQuery":
        """Return the query for the related rows that can be read."""
        if visibility is ALL:
            return self
        includes = tuple(one.with_visibility(visibility) for one in self.includes)
        return replace(
            self, includes=includes, counts=tuple(visibility.rows(one) for one in self.counts)
        )

    @property
    def has_related(self) -> bool:
        """Whether a response has other properties than those of the table."""
        return bool(self.includes or self.counts)

    @property
    def returned_models(self) -> Iterable[tuple[str, type[Model]]]:
        """The models of the related rows in the response, each as (query parameter, model)."""
        for include in all_includes(self.includes):
            yield from (("include", model) for model in include.rows.models)
        for counted in self.counts:
            yield from (("fields", model) for model in counted.models)

    @property
    def included_fields(self) -> Iterable[tuple[Columns, Sequence[str]]]:
        """The columns of included rows, each with the attributes that the query names."""
        return ((one.rows.columns, one.fields) for one in all_includes(self.includes))

    @property
    def related_shape(self) -> tuple[object, ...]:
        """The part of a cache key that tells apart statements with different related rows."""
        counted = tuple(one.count_name for one in self.counts)
        return (tuple(one.cache_key for one in self.includes), counted, self.own_fields)

    @property
    def include_limits(self) -> Mapping[str, int]:
        """The limits of the included rows, by the name of their bound parameter."""
        return {
            one.limit_name: one.limit for one in all_includes(self.includes) if one.rows.is_many
        }

    @property
    def max_included_rows(self) -> int:
        """Most rows that a response includes."""
        return _max_rows(self.includes, self.limit)

    @property
    def max_included_bytes(self) -> int:
        """The estimated maximum bytes of the included rows."""
        return _max_bytes(self.includes, self.limit)


def _max_rows(includes: Iterable[Include], rows: int) -> int:
    return sum(rows * one.limit + _max_rows(one.includes, rows * one.limit) for one in includes)


def _max_bytes(includes: Iterable[Include], rows: int) -> int:
    return sum(
        rows * one.limit * one.rows.max_row_bytes + _max_bytes(one.includes, rows * one.limit)
        for one in includes
    )


def all_includes(includes: Iterable[Include]) -> Iterator[Include]:
    """Yield includes, each followed by those of its rows."""
    for one in includes:
        yield one
        yield from all_includes(one.includes)
