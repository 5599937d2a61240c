"""The rows that a link table links to one row of another table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, ColumnElement, bindparam, select

from ..models import Model
from ..query.columns import Columns
from ..query.query import Filter
from .resource import Resource
from .subcollection import Subcollection


@dataclass(frozen=True, slots=True)
class LinkedTo(Filter):
    """The condition of rows that the link table links to a row of another table.

    `column` names the link in the cache of statements.
    """

    near: Column[Any] = field(kw_only=True, repr=False, compare=False)
    far: Column[Any] = field(kw_only=True, repr=False, compare=False)

    def condition(self, columns: Columns, name: str, kind: str) -> ColumnElement[bool]:
        """Return the condition in SQL."""
        del kind
        bound = bindparam(f"{name}_0", type_=self.near.type)
        linked = select(self.far).where(self.near == bound)
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

    def _filter(self, key: Any) -> Filter:
        name = f"{self._near.table.name} by {self._by}"
        return LinkedTo(name, "eq", (key,), near=self._near, far=self._far)
