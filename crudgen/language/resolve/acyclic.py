"""A graph without circles that grows. Reason to change: how circles are found."""

from collections.abc import Iterable
from math import isqrt


class AcyclicGraph:
    """A directed graph without circles, whose nodes have levels that never decrease along an edge.

    Adding an edge that leads to a higher level takes no search; otherwise the search backwards is
    limited: the algorithm of Bender, Fineman, Gilbert and Tarjan.
    """

    def __init__(self, nodes: Iterable[str]) -> None:
        self._level = dict.fromkeys(nodes, 0)
        self._next: dict[str, list[str]] = {node: [] for node in self._level}
        self._previous: dict[str, list[str]] = {node: [] for node in self._level}
        """The nodes of the same level with an edge to each node."""
        self._limit = isqrt(len(self._level)) + 1

    def add(self, node: str, other: str) -> bool:
        """Add an edge from a node to another one. Return False if that would close a circle."""
        if self._level[node] >= self._level[other]:
            earlier, is_complete = self._predecessors(node)
            level = self._level[node] if is_complete else self._level[node] + 1
            if other in earlier or not self._raise_level(other, level, earlier):
                return False
        self._next[node].append(other)
        if self._level[node] == self._level[other]:
            self._previous[other].append(node)
        return True

    def _predecessors(self, node: str) -> tuple[set[str], bool]:
        """Return nodes of the same level that lead to a node, and whether these are all of them."""
        found = {node}
        pending = [node]
        edges = 0
        while pending and edges < self._limit:
            previous = self._previous[pending.pop()]
            edges += len(previous)
            new = [one for one in previous if one not in found]
            found.update(new)
            pending += new
        return found, not pending

    def _raise_level(self, node: str, level: int, earlier: set[str]) -> bool:
        """Raise the level of a node, and of the nodes that it leads to.

        Return False, and raise no level, if it leads to one of the `earlier` nodes.
        """
        if self._level[node] >= level:
            return True
        found = {node}
        pending = [node]
        while pending:
            for one in self._next[pending.pop()]:
                if one in earlier:
                    return False
                if self._level[one] < level and one not in found:
                    found.add(one)
                    pending.append(one)
        for one in found:
            self._level[one] = level
            self._previous[one] = []
        for one in found:
            for other in self._next[one]:
                if self._level[other] == level:
                    self._previous[other].append(one)
        return True

    def path(self, start: str, end: str) -> list[str]:
        """Return the nodes of a shortest path."""
        paths = [[start]]
        seen = {start}
        for path in paths:
            if path[-1] == end:
                return path
            for node in self._next[path[-1]]:
                if node not in seen:
                    seen.add(node)
                    paths.append([*path, node])
        return []
