"""The parsed query of a list."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, bindparam

from .operators import OPERATORS

if TYPE_CHECKING:
    from ..models import Model
    from .columns import Columns


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition: a column, an operator, and the values to compare with."""

    column: str
    """The attribute of the column."""
    operator: str
    values: tuple[Any, ...]

    def condition(self, columns: "Columns", name: str, kind: str) -> ColumnElement[bool]:
        """Return the condition in SQL. Its bound parameters are `name_0`, `name_1` and so on."""
        return self.condition_of(columns.value(self.column, kind), name, kind)

    def condition_of(self, column: ColumnElement[Any], name: str, kind: str) -> ColumnElement[bool]:
        """Return the condition for this column, which may belong to an alias of a table."""
        operator = OPERATORS[self.operator]
        if operator.is_flag:
            return operator.clause(column, self.values, kind)
        bound = [bindparam(f"{name}_{n}", type_=column.type) for n in range(len(self.values))]
        return operator.clause(column, bound, kind)


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The parsed query parameters of a list."""

    limit: int
    sort: tuple[tuple[str, bool], ...]
    """The attributes to sort by, each with whether it descends. The last one is the key."""
    offset: int = 0
    filters: tuple[Filter, ...] = ()
    words: tuple[tuple[str, str], ...] = ()
    """The words to search for, in lower case. Each must occur in one of the searched columns.

    Each word is in NFC and, for columns that store text as sent, also as sent.
    """
    fields: tuple[str, ...] = ()
    """The attributes to return; empty: all."""
    count: bool = False
    """Whether to count all matching rows."""
    cursor: str | None = None
    """The cursor; empty: the first page by cursor, None: pages by offset."""
    link_suffix: str = ""
    """The parameters other than offset, limit and cursor, each after an `&`, for links."""

    @property
    def cursor_scope(self) -> tuple[object, ...]:
        """The parts of the query that must not change between the pages of a cursor."""
        return (self.sort, self.filters, self.words)

    @property
    def returned_models(self) -> "Iterable[tuple[str, type[Model]]]":
        """The models of the related rows in the response, each as (query parameter, model)."""
        return ()

    @property
    def included_fields(self) -> "Iterable[tuple[Columns, Sequence[str]]]":
        """The columns of included rows, each with the attributes that the query names."""
        return ()
