"""A query over relations as a client sends it, and what a plain Python model finds for it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.list_query import Row, as_is, holds, written

Filter = tuple[str, str, Sequence[Any]]
"""A path such as `heroes__any__age`, an operator, and the values to compare with."""
QUANTIFIERS = ("any", "none")
LIMIT = 20
"""How many rows of a relation are included, unless the query says so."""


@dataclass(frozen=True)
class Relation:
    """How rows refer to each other: `by` is a column of this row, of the other, or of a link."""

    target: str
    by: str
    is_own: bool = False
    is_many: bool = False
    link: str = ""
    to: str = ""


@dataclass(frozen=True)
class World:
    """All rows, by entity, and how they are related. The key of each is `id`."""

    relations: Mapping[str, Mapping[str, Relation]]
    rows: Mapping[str, Sequence[Row]]
    links: Mapping[str, Sequence[Row]]
    comparable: Callable[[str, Any], Any] = as_is

    def related(self, entity: str, row: Row, name: str) -> list[Row]:
        """Return the related rows, in the order of their keys."""
        relation = self.relations[entity][name]
        others = self.rows[relation.target]
        if relation.link:
            links = self.links[relation.link]
            keys = {one[relation.to] for one in links if one[relation.by] == row["id"]}
            return [other for other in others if other["id"] in keys]
        if relation.is_own:
            return [other for other in others if other["id"] == row[relation.by]]
        return [other for other in others if other[relation.by] == row["id"]]

    def meets(self, entity: str, row: Row, filters: Sequence[Filter]) -> bool:
        """Return whether a row meets all filters; those of one relation by one related row."""
        groups: dict[tuple[str, str], list[Filter]] = {}
        for path, operator, values in filters:
            first, _, rest = path.partition("__")
            if first not in self.relations[entity]:
                if not holds(row, path, operator, values, self.comparable):
                    return False
                continue
            if operator == "exists" and not rest:
                if bool(self.related(entity, row, first)) != values[0]:
                    return False
                continue
            quantifier = ""
            if self.relations[entity][first].is_many:
                quantifier, _, rest = rest.partition("__")
            groups.setdefault((first, quantifier), []).append((rest, operator, values))
        for (name, quantifier), inner in groups.items():
            target = self.relations[entity][name].target
            found = any(self.meets(target, one, inner) for one in self.related(entity, row, name))
            if found == (quantifier == "none"):
                return False
        return True

    def reached(self, entity: str, row: Row, path: str) -> Any:
        """Return the value at the end of a path to one row; None if there is no such row."""
        first, _, rest = path.partition("__")
        if first not in self.relations[entity]:
            return None if row[path] is None else self.comparable(path, row[path])
        others = self.related(entity, row, first)
        target = self.relations[entity][first].target
        return self.reached(target, others[0], rest) if others else None

    def keys(self, entity: str, path: str) -> Iterator[tuple[str, str]]:
        """Yield the paths to the keys of the rows of a path, and to the references to them."""
        first, _, rest = path.partition("__")
        if first in self.relations[entity]:
            relation = self.relations[entity][first]
            for key, reference in self.keys(relation.target, rest):
                yield f"{first}__{key}", f"{first}__{reference}"
            yield f"{first}__id", relation.by if relation.is_own else ""


@dataclass(frozen=True)
class RelatedQuery:
    filters: Sequence[Filter] = ()
    sort: Sequence[str] = ()
    include: Sequence[str] = ()
    limits: Sequence[tuple[str, int]] = ()
    fields: Sequence[str] = ()
    offset: int | None = None
    limit: int | None = None
    count: bool = False

    def parameters(self) -> list[tuple[str, str]]:
        sent = []
        for path, operator, values in self.filters:
            key = path if operator == "eq" else f"{path}__{operator}"
            sent += [(key, written(one)) for one in values]
        lists = (("sort", self.sort), ("include", self.include), ("fields", self.fields))
        sent += [(key, ",".join(names)) for key, names in lists if names]
        sent += [(f"{path}__limit", str(limit)) for path, limit in self.limits]
        sent += [("count", "exact")] if self.count else []
        for key, number in (("offset", self.offset), ("limit", self.limit)):
            sent += [] if number is None else [(key, str(number))]
        return sent

    def found(self, world: World, entity: str) -> list[Row]:
        """Return the rows of all pages, in their order."""
        kept = [row for row in world.rows[entity] if world.meets(entity, row, self.filters)]
        for path, descends in reversed(self._order(world, entity)):
            kept.sort(key=_place(world, entity, path), reverse=descends)
        return kept

    def shown(self, world: World, entity: str, row: Row, prefix: str = "") -> Row:
        """Return a row with what the query includes."""
        relations = world.relations[entity]
        named = [path[len(prefix) :] for path in self.fields if path.startswith(prefix)]
        named = [name for name in named if name.split("__")[0] not in relations]
        shown = {name: value for name, value in row.items() if not named or name in named}
        for name, relation in relations.items():
            path = f"{prefix}{name}"
            if not any(one == path or one.startswith(f"{path}__") for one in self.include):
                continue
            others = world.related(entity, row, name)
            limit = dict(self.limits).get(path, LIMIT)
            inner = [self.shown(world, relation.target, one, f"{path}__") for one in others[:limit]]
            if relation.is_many:
                shown |= {name: inner, f"{name}_more": len(others) > limit}
            else:
                shown[name] = inner[0] if inner else None
        return shown

    def _order(self, world: World, entity: str) -> list[tuple[str, bool]]:
        named = {one.removeprefix("-") for one in self.sort}
        order: dict[str, bool] = {}
        descends = False
        for one in self.sort:
            path, descends = one.removeprefix("-"), one.startswith("-")
            order.setdefault(path, descends)
            for key, reference in world.keys(entity, path):
                if not {key, reference} & named:
                    order.setdefault(key, descends)
        order.setdefault("id", descends)
        return list(order.items())


def _place(world: World, entity: str, path: str) -> Callable[[Row], Any]:
    """Sort nulls first."""

    def place(row: Row) -> Any:
        value = world.reached(entity, row, path)
        return (False,) if value is None else (True, value)

    return place
