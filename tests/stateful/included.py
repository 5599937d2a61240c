"""What a response contains of related rows, worked out on a graph of dicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.stateful.graph import Graph
from tests.stateful.guild import GUILD
from tests.stateful.model import Row

LIMIT = 20
"""How many rows of a relation are included, unless the request says so."""


@dataclass(frozen=True)
class Query:
    """The parameters of a list; `include` and `limits` also those of a read."""

    include: Sequence[str] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    fields: Sequence[str] = ()
    offset: int = 0
    limit: int = LIMIT

    @property
    def of_rows(self) -> dict[str, str]:
        included = {"include": ",".join(self.include)} if self.include else {}
        return included | {f"{path}__limit": str(limit) for path, limit in self.limits.items()}

    @property
    def of_list(self) -> dict[str, str]:
        page = {"offset": str(self.offset), "limit": str(self.limit), "count": "exact"}
        named = {"fields": ",".join(self.fields)} if self.fields else {}
        return self.of_rows | named | page

    def read(self, graph: Graph, plural: str, key: Any) -> Row:
        """Return a row that is read alone."""
        row = {**graph.read(plural, key), **_derived(graph, plural, key)}
        return row | self._included(graph, plural, key, embed=GUILD[plural].embed)

    def listed(self, graph: Graph, plural: str, keys: Sequence[Any]) -> list[Row]:
        """Return the page of the rows with these keys."""
        some = keys[self.offset : self.offset + self.limit]
        return [self._in_list(graph, plural, key) for key in some]

    def _in_list(self, graph: Graph, plural: str, key: Any) -> Row:
        row = {**graph.rows[plural][key], **_derived(graph, plural, key)}
        return self._named(plural, row, "") | self._included(graph, plural, key)

    def _included(
        self, graph: Graph, plural: str, key: Any, prefix: str = "", embed: Sequence[str] = ()
    ) -> Row:
        shown: Row = {}
        for name, relation in GUILD[plural].relations.items():
            path = f"{prefix}{name}"
            if not (
                name in embed or any(f"{one}__".startswith(f"{path}__") for one in self.include)
            ):
                continue
            others = related(graph, plural, key, name)
            limit = self.limits.get(path, LIMIT)
            rows = [
                self._named(relation.target, graph.rows[relation.target][other], f"{path}__")
                | self._included(graph, relation.target, other, f"{path}__")
                for other in others[:limit]
            ]
            if relation.is_many:
                shown |= {name: rows, f"{name}_more": len(others) > limit}
            else:
                shown[name] = rows[0] if rows else None
        return shown

    def _named(self, plural: str, row: Row, prefix: str) -> Row:
        """Leave out the properties that the request does not name."""
        named = [path.removeprefix(prefix) for path in self.fields if path.startswith(prefix)]
        named = [name for name in named if name in GUILD[plural].listed]
        return {name: row[name] for name in row if not named or name in named}


def related(graph: Graph, plural: str, key: Any, name: str) -> list[Any]:
    """Return the keys of the related rows, sorted."""
    relation = GUILD[plural].relations[name]
    if relation.is_link:
        return graph.linked(plural, key)
    if relation.is_own:
        other = graph.rows[plural][key][relation.by]
        return [] if other is None else [other]
    rows = graph.rows[relation.target]
    return [one for one in sorted(rows) if rows[one][relation.by] == key]


def _derived(graph: Graph, plural: str, key: Any) -> Row:
    """Return the numbers of related rows, and the keys of linked ones."""
    entity = GUILD[plural]
    counts = {f"{name}_count": len(related(graph, plural, key, name)) for name in entity.counts}
    return counts | ({entity.keys: graph.linked(plural, key)} if entity.keys else {})
