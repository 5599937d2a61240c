"""What a list can be asked for, and which rows of a dict it finds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.stateful.fields import Entity

DEFAULT_PAGE = 4
Filter = tuple[str, str, Any]

HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda here, there: bool(here == there),
    "ne": lambda here, there: bool(here != there),
    "lt": lambda here, there: here is not None and bool(here < there),
    "lte": lambda here, there: here is not None and bool(here <= there),
    "gt": lambda here, there: here is not None and bool(here > there),
    "gte": lambda here, there: here is not None and bool(here >= there),
    "in": lambda here, there: here in there,
    "not_in": lambda here, there: here not in there,
    "isnull": lambda here, there: (here is None) == there,
    "contains": lambda here, there: here is not None and there in here,
    "istartswith": lambda here, there: here is not None and fold(here).startswith(fold(there)),
}
FOR_TEXTS = {"contains", "istartswith"}
MANY = {"in", "not_in"}


def fold(text: str) -> str:
    return "".join(one.lower() if one.isascii() else one for one in text)


@dataclass(frozen=True)
class Question:
    filters: tuple[Filter, ...] = ()
    sort: tuple[str, ...] = ()
    word: str | None = None
    fields: tuple[str, ...] = ()
    offset: int | None = None
    limit: int | None = None
    count: bool = False

    def parameters(self) -> list[tuple[str, str]]:
        sent = []
        for name, operator, values in self.filters:
            key = name if operator == "eq" else f"{name}__{operator}"
            sent += [(key, written(one)) for one in (values if operator in MANY else [values])]
        sent += [("sort", ",".join(self.sort))] if self.sort else []
        sent += [("fields", ",".join(self.fields))] if self.fields else []
        sent += [] if self.word is None else [("q", self.word)]
        sent += [("count", "exact")] if self.count else []
        for key, number in (("offset", self.offset), ("limit", self.limit)):
            sent += [] if number is None else [(key, str(number))]
        return sent

    def rows(self, rows: list[dict[str, Any]], entity: Entity) -> list[dict[str, Any]]:
        """Give all rows that are found, in their order."""
        word = fold(self.word or "")
        found = [
            row
            for row in rows
            if all(HOLDS[operator](row[name], sent) for name, operator, sent in self.filters)
            and (not word or any(word in fold(row[name] or "") for name in entity.searched))
        ]
        names = [name.removeprefix("-") for name in self.sort]
        sign = "-" if self.sort and self.sort[-1].startswith("-") else ""
        order = self.sort if entity.key in names else (*self.sort, f"{sign}{entity.key}")
        for name in reversed(order):
            found.sort(key=_place(name.removeprefix("-")), reverse=name.startswith("-"))
        return found

    def page(self, rows: list[Any]) -> list[Any]:
        start = self.offset or 0
        return rows[start : start + (self.limit or DEFAULT_PAGE)]

    def links(self, found: int) -> set[str]:
        """Name the pages that an answer leads to."""
        start = self.offset or 0
        has_next = start + (self.limit or DEFAULT_PAGE) < found
        return {"first", *(["prev"] if start else []), *(["next"] if has_next else [])}

    def shown(self, row: dict[str, Any]) -> dict[str, Any]:
        return {name: row[name] for name in row if name in self.fields or not self.fields}


def _place(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda row: (False,) if row[name] is None else (True, row[name])


def written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def filters(entity: Entity) -> SearchStrategy[tuple[Filter, ...]]:
    def one_of(name: str) -> SearchStrategy[Filter]:
        field = entity.fields.get(name)
        values = st.integers(0, 30) if field is None else st.sampled_from(field.good)
        operators = set(HOLDS) - (set() if field and field.kind == "text" else FOR_TEXTS)
        if field and field.kind == "word":
            operators = {"eq", "ne", *MANY}
        if not (field and field.optional):
            operators -= {"isnull"}

        def sent(operator: str) -> SearchStrategy[Filter]:
            chosen = values
            if operator == "isnull":
                chosen = st.booleans()
            elif operator in MANY:
                chosen = st.lists(values, min_size=1, max_size=3)
            return st.tuples(st.just(name), st.just(operator), chosen)

        return st.sampled_from(sorted(operators)).flatmap(sent)

    names = [name for name in entity.shown if name not in entity.server_sets]
    some = st.sampled_from([*names, entity.key]).flatmap(one_of)
    return st.lists(some, max_size=2, unique_by=lambda one: one[:2]).map(tuple)


def questions(entity: Entity) -> SearchStrategy[Question]:
    some = st.sampled_from(entity.shown)
    order = st.tuples(st.sampled_from(["", "-"]), some).map("".join)
    return st.builds(
        Question,
        filters=filters(entity),
        sort=st.lists(order, max_size=3, unique_by=lambda one: one.removeprefix("-")).map(tuple),
        word=st.sampled_from([None, None, "a", "É", "%", "_"]),
        fields=st.lists(some, max_size=2, unique=True).map(tuple),
        offset=st.sampled_from([None, None, 0, 1, 3, 20]),
        limit=st.sampled_from([None, None, 1, 2, 3, 10]),
        count=st.booleans(),
    )
