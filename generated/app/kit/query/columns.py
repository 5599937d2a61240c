"""The columns of a list: those returned, and those to filter, sort and search by."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from itertools import chain
from types import MappingProxyType, NoneType
from typing import Any, ClassVar, Literal, Self, TypeAlias, get_args, get_origin

from pydantic import AfterValidator, TypeAdapter
from pydantic.fields import ComputedFieldInfo, FieldInfo
from sqlalchemy import Column, ColumnElement, Select, case, cast, null, type_coerce

from ..database.indexes import is_indexed
from ..database.json_rows import JsonRowEncoder, JsonRows, encoded_rows, json_rows
from ..database.model_rows import ModelRowEncoder
from ..database.properties import Properties
from ..database.unchanged_rows import returns_rows_unchanged
from ..models import Model
from ..types.text import nfc, rule_of
from .operators import lower_ascii, operators_of
from .parts import Part, SortValue, may_be_null
from .query import Filter, ListQuery
from .values import TEXT, column_adapter, normalized_text_parser

_NFC = AfterValidator(nfc)
NFC_TEXT = normalized_text_parser([_NFC])
Condition: TypeAlias = Callable[[str], ColumnElement[bool]]
"""A condition about the rows of a table, built for a dialect."""
Masks: TypeAlias = Mapping[Column[Any], Condition | None]
"""The conditions of the rows that show the value of a column.

None if no row shows it: responses lack the property.
"""
NO_MASKS: Masks = MappingProxyType({})
"""All rows show all values."""


class Columns:
    """The columns of a public model. Only these can be returned, filtered, sorted and searched.

    They are named by their attributes.
    """

    has_paths: ClassVar[bool] = False
    """Whether some columns are those of related rows."""

    def __init__(
        self,
        model: type[Model],
        public: type[Model],
        *,
        filter_by: Sequence[str] | None,
        sort_by: Sequence[str] | None,
        search_in: Sequence[str],
    ) -> None:
        self.properties = Properties(model, public)
        readable = self.properties.readable
        self.shown = tuple(name for name in public.model_fields if name in readable)
        self._models = model, public
        self.is_plain = returns_rows_unchanged(public, model)
        """Whether rows are written without pydantic (see database/unchanged_rows.py)."""
        self.key = self.properties.key
        self._annotations = {name: one.annotation for name, one in public.model_fields.items()}
        self._literal_words = {name: _literal_words(one) for name, one in self._annotations.items()}
        self._validators = {name: _validators(field) for name, field in public.model_fields.items()}
        self._visible: Condition | None = None
        self.masks: Masks = NO_MASKS
        """The values that some rows, or all, do not show."""
        self._is_in_order = True
        """Whether the visible rows are read in the order of keys, without reading others."""
        self._as_sent = {
            name for name, field in public.model_fields.items() if not _stores_nfc(field)
        }
        orderable = [name for name in self.shown if "eq" in self.operators(name)]
        self.sorted = tuple(orderable if sort_by is None else sort_by)
        self.filtered = tuple(self.shown if filter_by is None else filter_by)
        self.searched = tuple(search_in)

    @property
    def computed_fields(self) -> Mapping[str, ComputedFieldInfo]:
        """The fields that the public model computes from others, by name."""
        return self._models[1].model_computed_fields

    def restricted(self, condition: Condition, *, is_indexed: bool = False) -> Self:
        """Return the same columns of the rows that satisfy a condition.

        All statements that read or change existing rows take their condition from `visible`.
        `is_indexed`: an index has these rows in the order of keys.
        """
        found = copy(self)
        found._visible = condition
        found._is_in_order = is_indexed
        return found

    def masked(self, masks: Masks) -> Self:
        """Return the same columns, of which some are null in rows that do not show their value.

        Responses lack those that no row shows.
        """
        found = copy(self)
        found.masks = masks
        hidden = {column for column, condition in masks.items() if condition is None}
        found.shown = tuple(name for name in self.shown if self.column(name) not in hidden)
        found.__dict__.pop("_model_rows", None)
        return found

    def value(self, name: str, kind: str) -> ColumnElement[Any]:
        """Return the value of a column that requests can read, filter, sort and search by."""
        if name in self.properties.columns:
            return masked(self.properties.columns[name], self.masks, kind)
        if not self.masks:
            return self.properties.readable[name]
        return self.properties.computed_of(name, lambda one: masked(one, self.masks, kind))

    def with_visibility(self, visibility: Any) -> Self:
        """Return the same columns: they do not depend on related rows, unlike RelatedColumns."""
        del visibility
        return self

    def visible(self, kind: str) -> Sequence[ColumnElement[bool]]:
        """Return the conditions of the rows that can be read at all; none for all rows."""
        return () if self._visible is None else (self._visible(kind),)

    def reads_in_index_order(self, query: ListQuery) -> bool:
        """Return whether the rows of a list are read in its order, without reading others.

        The list has all visible rows in the order of keys; or, if all are visible, those with one
        value of an indexed column.
        """
        if len(query.sort) > 1 or query.words or len(query.filters) > 1:
            return False
        if not query.filters:
            return self._is_in_order
        (only,) = query.filters
        column = self._indexed.get(only.column)
        is_found = column is not None and column not in self.masks and only.operator == "eq"
        return is_found and self._visible is None

    @cached_property
    def _indexed(self) -> Mapping[str, Column[Any]]:
        """The columns by whose values an index finds rows in the order of keys."""
        table, columns = self.properties.table, self.properties.columns.items()
        return {name: one for name, one in columns if is_indexed(table, one)}

    def column(self, name: str) -> ColumnElement[Any]:
        """Return a column of the table, or a computed property."""
        return self.properties.readable[name]

    def table_column(self, name: str) -> Column[Any] | None:
        """Return the column of this or a related table that a filter or a sort key is about.

        Return None for a computed property: it is computed from values that the caller can read.
        """
        return self.properties.columns.get(name)

    def related_models(self, name: str) -> Sequence[type[Model]]:
        """Return the models of the related rows on the path to a column; none for an own column."""
        del name
        return ()

    def json_name(self, name: str) -> str:
        """Return the name of a column in requests and responses."""
        return self.properties.json_name(name)

    def schema_name(self, name: str) -> str | None:
        """Return the name of the schema of an enum column in OpenAPI, if it has one."""
        return _alias_name(self._annotations[name])

    def json_rows(self, kind: str, names: Sequence[str] = ()) -> JsonRows:
        """Return how to read rows with these properties; by default, complete rows."""
        if self.is_plain:
            shown = names or self.shown
            found = json_rows(
                {self.json_name(name): self.value(name, kind) for name in shown}, kind
            )
        else:
            values = {name: self.value(name, kind) for name in self.properties.readable}
            found = encoded_rows(self.row_encoder(names or None), values, kind)
        # In RETURNING, the conditions of masks cannot name tables: rows are read again.
        return replace(found, returned=()) if self.masks else found

    def row_encoder(self, names: Sequence[str] | None) -> JsonRowEncoder:
        """Return the encoder, in Python, of rows with these properties; None: of all properties."""
        if self.is_plain:
            shown = self.shown if names is None else names
            return JsonRowEncoder({self.json_name(name): self.column(name) for name in shown})
        return self._model_rows if names is None else self._model_rows.showing(names)

    @cached_property
    def _model_rows(self) -> ModelRowEncoder:
        """The encoder of complete rows. Building one for each query would take much memory."""
        encoder = ModelRowEncoder(*self._models, self.properties.readable)
        columns = self.properties.columns.items()
        hidden = {name for name, one in columns if self.masks.get(one, ()) is None}
        return encoder.hiding(hidden) if hidden else encoder

    def operators(self, name: str) -> tuple[str, ...]:
        """Return the filter operators of a column."""
        column, is_word = self.column(name), bool(self._literal_words[name])
        nullable = getattr(column, "nullable", _is_optional(self._annotations[name]))
        return operators_of(column, is_word=is_word, nullable=nullable)

    def filter_doc(self, name: str, condition: str) -> str:
        """Return the description of a filter. `{}` in the condition stands for the property."""
        return f"Rows whose {condition.format(self.json_name(name))}."

    def adapter(self, name: str) -> TypeAdapter[Any]:
        """Return the parser for the values of a column in a query."""
        return column_adapter(self.column(name), self._literal_words.get(name, ()))

    def filter_adapter(self, name: str) -> TypeAdapter[Any]:
        """Return the parser for the filter values of a column. Text is normalized as in a body."""
        adapter, validators = self.adapter(name), self._validators.get(name)
        return normalized_text_parser(validators) if adapter is TEXT and validators else adapter

    def substring_adapter(self, name: str) -> TypeAdapter[str]:
        """Return the parser for filters by a part of a text, such as `contains`."""
        return TEXT if name in self._as_sent else NFC_TEXT

    def stores_as_sent(self, name: str) -> bool:
        """Return whether a column stores text as sent, without normalization to NFC."""
        return name in self._as_sent

    def search_words(self, text: str) -> tuple[tuple[str, str], ...]:
        """Return the words of a search in lower case; each is a pair: in NFC, and as sent."""
        return tuple((lower_ascii(nfc(word)), lower_ascii(word)) for word in text.split())

    def conditions(self, filters: Sequence[Filter], kind: str) -> list[ColumnElement[bool]]:
        """Return the WHERE conditions of filters. Parameters of the second are `filter_1_0` etc."""
        return [one.condition(self, f"filter_{n}", kind) for n, one in enumerate(filters)]

    def list_parts(
        self, statement: Select[Any], order: Sequence[tuple[str, bool]], kind: str
    ) -> Iterable[Part]:
        """Return the parts of a list, whose rows `statement` selects, sorted by `order`."""
        sorted_by = [(self.value(name, kind), descends) for name, descends in order]
        sort_values = [SortValue(one, descends, may_be_null(one)) for one, descends in sorted_by]
        return [Part(statement, sort_values)]

    def order(self, sort: Sequence[str]) -> tuple[tuple[str, bool], ...]:
        """Return the columns to sort by, each with whether it descends; the last one is the key.

        The key has the direction of the column before it, so that one index serves both.
        """
        order: dict[str, bool] = {}
        key = f"-{self.key}" if sort and sort[-1].startswith("-") else self.key
        for name in (*sort, key):
            order.setdefault(name.removeprefix("-"), name.startswith("-"))
            if self.key in order:
                break
        return tuple(order.items())


def masked(column: Column[Any], masks: Masks, kind: str) -> ColumnElement[Any]:
    """Return a column as rows show it, under its name: null where a mask hides the value."""
    if column not in masks:
        return column
    condition = masks[column]
    if condition is not None:
        return case((condition(kind), column)).label(column.key)
    nothing = cast if kind == "postgresql" else type_coerce
    found: ColumnElement[Any] = nothing(null(), column.type)
    return found.label(column.key)


def _validators(field: FieldInfo) -> list[AfterValidator]:
    kinds = [getattr(kind, "__metadata__", ()) for kind in get_args(field.annotation)]
    found = chain([_NFC] if _stores_nfc(field) else [], field.metadata, *kinds)
    return [one for one in found if isinstance(one, AfterValidator)]


def _stores_nfc(field: FieldInfo) -> bool:
    rule = rule_of(field)
    return rule is not None and not rule.as_sent


def _alias_name(annotation: Any) -> str | None:
    """Return the name of a TypeAliasType, or of an optional one; None for other annotations."""
    if hasattr(annotation, "__value__"):
        name: str = annotation.__name__
        return name
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    return _alias_name(kinds[0]) if len(kinds) == 1 else None


def _is_optional(annotation: Any) -> bool:
    return NoneType in get_args(annotation)


def _literal_words(annotation: Any) -> tuple[str, ...]:
    """Return the words of a Literal or an optional Literal; empty for other annotations."""
    annotation = getattr(annotation, "__value__", annotation)
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    return _literal_words(kinds[0]) if len(kinds) == 1 else ()
