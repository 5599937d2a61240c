"""A query of a list as a client sends it, and the rows that a plain Python model finds for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
Filter = tuple[str, str, Sequence[Any]]
"""A property, an operator, and the values to compare with: several for `in` and `not_in`."""

OPERATORS: dict[str, Callable[[Any, Sequence[Any]], bool]] = {
    "eq": lambda here, there: bool(here == there[0]),
    "lt": lambda here, there: bool(here < there[0]),
    "lte": lambda here, there: bool(here <= there[0]),
    "gt": lambda here, there: bool(here > there[0]),
    "gte": lambda here, there: bool(here >= there[0]),
    "in": lambda here, there: here in there,
    "contains": lambda here, there: there[0] in here,
    "startswith": lambda here, there: bool(here.startswith(there[0])),
    "endswith": lambda here, there: bool(here.endswith(there[0])),
    "icontains": lambda here, there: fold(there[0]) in fold(here),
    "istartswith": lambda here, there: fold(here).startswith(fold(there[0])),
    "iendswith": lambda here, there: fold(here).endswith(fold(there[0])),
}
"""The operators that no null satisfies."""


def fold(text: str) -> str:
    """Fold the case of ASCII letters alone, as both databases do."""
    return "".join(one.lower() if one.isascii() else one for one in text)


def as_is(_name: str, value: Any) -> Any:
    return value


@dataclass(frozen=True)
class List:
    """What the model has to know about an entity."""

    key: str
    searched: Sequence[str]
    page: int
    comparable: Callable[[str, Any], Any] = as_is
    """Make something of a property's JSON value that Python compares as the API does."""


@dataclass(frozen=True)
class ListQuery:
    filters: Sequence[Filter] = ()
    sort: Sequence[str] = ()
    words: Sequence[str] = ()
    fields: Sequence[str] = ()
    offset: int | None = None
    limit: int | None = None
    count: bool = False

    def parameters(self) -> list[tuple[str, str]]:
        sent = []
        for name, operator, values in self.filters:
            key = name if operator == "eq" else f"{name}__{operator}"
            sent += [(key, written(one)) for one in values]
        for key, names in (("sort", self.sort), ("fields", self.fields)):
            sent += [(key, ",".join(names))] if names else []
        sent += [("q", " ".join(self.words))] if self.words else []
        sent += [("count", "exact")] if self.count else []
        for key, number in (("offset", self.offset), ("limit", self.limit)):
            sent += [] if number is None else [(key, str(number))]
        return sent

    def found(self, rows: Sequence[Row], of: List) -> list[Row]:
        """Return the rows of all pages, in their order."""
        kept = [row for row in rows if self._matches(row, of)]
        names = [name.removeprefix("-") for name in self.sort]
        sign = "-" if self.sort and self.sort[-1].startswith("-") else ""
        order = self.sort if of.key in names else (*self.sort, f"{sign}{of.key}")
        for name in reversed(order):
            kept.sort(key=_place(name.removeprefix("-"), of), reverse=name.startswith("-"))
        return kept

    def page(self, found: Sequence[Row], of: List) -> Sequence[Row]:
        start = self.offset or 0
        return found[start : start + (self.limit or of.page)]

    def links(self, found: int, of: List) -> set[str]:
        """Name the pages that an answer links to."""
        start = self.offset or 0
        has_next = start + (self.limit or of.page) < found
        return {"first", *(["prev"] if start else []), *(["next"] if has_next else [])}

    def shown(self, row: Row) -> Row:
        return {name: row[name] for name in row if not self.fields or name in self.fields}

    def _matches(self, row: Row, of: List) -> bool:
        texts = [fold(row[name]) for name in of.searched if row[name] is not None]
        return all(holds(row, *one, of.comparable) for one in self.filters) and all(
            any(fold(word) in text for text in texts) for word in self.words
        )


def holds(
    row: Row,
    name: str,
    operator: str,
    sent: Sequence[Any],
    comparable: Callable[[str, Any], Any],
) -> bool:
    """Return whether a row meets a filter by one of its properties."""
    here = None if row[name] is None else comparable(name, row[name])
    if operator == "isnull":
        return (here is None) == bool(sent[0])
    there = [comparable(name, one) for one in sent]
    if operator in {"ne", "not_in"}:
        return here not in there
    return here is not None and OPERATORS[operator](here, there)


def _place(name: str, of: List) -> Callable[[Row], Any]:
    """Sort nulls first."""
    return lambda row: (False,) if row[name] is None else (True, of.comparable(name, row[name]))


def written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)
