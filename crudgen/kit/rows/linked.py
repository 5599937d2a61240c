"""The rows that a link table links to one row of another table."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Self

from sqlalchemy import Column, ColumnElement, bindparam, select

from ..models import Model
from ..query.columns import Columns
from ..query.query import Filter
from ..query.visibility import ALL, Visibility
from .resource import Resource
from .subcollection import Subcollection


@dataclass(frozen=True, slots=True)
class LinkedTo(Filter):
    """The filter for the rows that a link table links to one row of another table.

    `column` identifies the link table in the cache of statements.
    """

    near: Column[Any] = field(kw_only=True, repr=False, compare=False)
    far: Column[Any] = field(kw_only=True, repr=False, compare=False)
    through: Visibility = field(default=ALL, kw_only=True, repr=False, compare=False)
    """The rows of the link table that can be read."""

    def condition(self, columns: Columns, name: str, kind: str) -> ColumnElement[bool]:
        """Return the condition in SQL."""
        columns_of_links: Any = self.near.table.c
        if self.through.hides_rows(self.near.table):
            columns_of_links = self.through.source(self.near.table, f"{name}_links", kind).c
        near, far = columns_of_links[self.near.key], columns_of_links[self.far.key]
        linked = select(far).where(near == bindparam(f"{name}_0", type_=near.type))
        return columns.column(columns.key).in_(linked)


class LinkedCollection(Subcollection):
    """The rows of a resource that a link table links to one row of `owner`.

    The attribute `by` of the link table refers to the owner, `to` refers to the rows.
    """

    def __init__(
        self, owner: type[Model], rows: Resource, link: type[Model], *, by: str, to: str
    ) -> None:
        super().__init__(owner, rows, by=by)
        columns: Mapping[str, Column[Any]] = dict(link.__mapper__.columns)  # type: ignore[attr-defined]
        self._near, self._far = columns[by], columns[to]
        self._through = ALL

    def with_visible_links(self, links: Visibility) -> Self:
        """Return the collection of the rows that are linked by visible rows of the link table.

        It has a copy of the resource, because the resource caches statements of lists.
        """
        found = copy(self)
        found._through, found._rows = links, self._rows._with_columns(self._rows._columns)
        return found

    def _owner_filter(self, key: Any) -> Filter:
        name = f"{self._near.table.name} by {self._by}"
        return LinkedTo(name, "eq", (key,), near=self._near, far=self._far, through=self._through)
