"""The columns of a list together with those of related rows, to filter and sort by."""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import Any, Self

from pydantic import TypeAdapter
from sqlalchemy import Column, ColumnElement, Select

from ..models import Model
from .columns import Columns
from .parts import Part
from .query import Filter
from .related_conditions import related_conditions
from .related_order import RelatedOrder
from .related_paths import ANY, EXISTS, RelatedPath, related_paths
from .related_rows import RelatedRows
from .visibility import Visibility


class RelatedColumns(Columns):
    """Columns of a table and of related rows. Those of related rows are named by their path.

    `paths` are the paths to filter by, such as `team__name` and `heroes__any__age`. Lists can also
    be sorted by those to one row.
    """

    has_paths = True

    def __init__(
        self,
        model: type[Model],
        public: type[Model],
        *,
        related: Mapping[str, RelatedRows],
        paths: Sequence[str],
        **names: Any,
    ) -> None:
        self._paths: dict[str, RelatedPath] = {}
        super().__init__(model, public, **names)
        found = related_paths(related, paths)
        to_one = [path for path in found if path.is_to_one]
        keys = [key for path in to_one for key in path.key_paths()]
        self._paths |= {path.name: path for path in (*found, *keys)}
        self.filtered = (*self.filtered, *(path.name for path in found))
        sortable = [path.name for path in to_one if path.attribute in path.columns.sorted]
        self.sorted = (*self.sorted, *sortable)

    def with_visibility(self, visibility: Visibility) -> Self:
        """Return the same columns, with paths that lead only to rows that can be read."""
        found = copy(self)
        found._paths = {
            name: path.with_visibility(visibility) for name, path in self._paths.items()
        }
        return found

    def table_column(self, name: str) -> Column[Any] | None:
        """Return the column of this or a related table that a filter or a sort key is about."""
        path = self._paths.get(name)
        if path is None:
            return super().table_column(name)
        return path.columns.table_column(path.attribute) if path.attribute else None

    def related_models(self, name: str) -> Sequence[type[Model]]:
        """Return the models of the related rows on the path to a column."""
        path = self._paths.get(name)
        return () if path is None else [one for step in path.steps for one in step.rows.models]

    def json_name(self, name: str) -> str:
        """Return the name or the path of a column in requests and responses."""
        path = self._paths.get(name)
        return super().json_name(name) if path is None else path.json_name

    def schema_name(self, name: str) -> str | None:
        """Return the name of the schema of an enum column in OpenAPI, if it has one."""
        path = self._paths.get(name)
        if path is None:
            return super().schema_name(name)
        return path.columns.schema_name(path.attribute)

    def operators(self, name: str) -> tuple[str, ...]:
        """Return the filter operators of a column."""
        path = self._paths.get(name)
        if path is None:
            return super().operators(name)
        return path.columns.operators(path.attribute) if path.attribute else (EXISTS,)

    def filter_doc(self, name: str, condition: str) -> str:
        """Return the description of a filter. `{}` in the condition stands for the property."""
        path = self._paths.get(name)
        if path is None or not path.steps[-1].quantifier:
            return super().filter_doc(name, condition)
        rows, _, attribute = path.json_name.rpartition("__")
        what = f"{path.steps[-1].rows.json_name} whose {condition.format(attribute)}"
        if path.steps[-1].quantifier == ANY:
            return f"Rows with {what}. One of these has to meet all conditions of `{rows}`."
        return f"Rows without {what}. Conditions of `{rows}` are combined: no row meets all."

    def adapter(self, name: str) -> TypeAdapter[Any]:
        """Return the parser for the values of a column in a query."""
        path = self._paths.get(name)
        return super().adapter(name) if path is None else path.columns.adapter(path.attribute)

    def filter_adapter(self, name: str) -> TypeAdapter[Any]:
        """Return the parser for the filter values of a column. Text is normalized as in a body."""
        path = self._paths.get(name)
        if path is None:
            return super().filter_adapter(name)
        return path.columns.filter_adapter(path.attribute)

    def substring_adapter(self, name: str) -> TypeAdapter[str]:
        """Return the parser for filters by a part of a text, such as `contains`."""
        path = self._paths.get(name)
        if path is None:
            return super().substring_adapter(name)
        return path.columns.substring_adapter(path.attribute)

    def conditions(self, filters: Sequence[Filter], kind: str) -> list[ColumnElement[bool]]:
        """Return the WHERE conditions of filters, those of one relation in one subquery."""
        own, related = [], []
        for n, one in enumerate(filters):
            path = self._paths.get(one.column)
            if path is None:
                own.append(one.condition(self, f"filter_{n}", kind))
            else:
                related.append((path, one, f"filter_{n}"))
        return [*own, *related_conditions(self.properties, related, kind)]

    def list_parts(
        self, statement: Select[Any], order: Sequence[tuple[str, bool]], kind: str
    ) -> Iterable[Part]:
        """Return the parts of a list, whose rows `statement` selects, sorted by `order`."""
        if not any(name in self._paths for name, _ in order):
            return super().list_parts(statement, order, kind)
        values = {name: self.value(name, kind) for name in self.properties.readable}
        return RelatedOrder(self.properties, values, self._paths, order, kind).list_parts(statement)

    def order(self, sort: Sequence[str]) -> tuple[tuple[str, bool], ...]:
        """Return the columns to sort by; related ones are followed by the keys of their rows.

        So the order is that of two indexes: of the property, and of the reference.
        """
        named = {name.removeprefix("-") for name in sort}
        expanded: list[str] = []
        for name in sort:
            expanded.append(name)
            path = self._paths.get(name.removeprefix("-"))
            if path is not None:
                sign = "-" if name.startswith("-") else ""
                expanded += [
                    sign + key.name
                    for key in path.key_paths()
                    if not {key.name, key.reference} & named
                ]
        return super().order(expanded)
