"""A graph without circles that grows. Reason to change: how circles are found."""

from collections.abc import Iterable, Mapping


class AcyclicGraph:
    """A directed graph without circles, and an order of its nodes.

    Adding an edge reorders only the nodes between its ends: the algorithm of Pearce and Kelly.
    """

    def __init__(self, nodes: Iterable[str]) -> None:
        self._position = {node: position for position, node in enumerate(nodes)}
        self._next: dict[str, list[str]] = {node: [] for node in self._position}
        self._previous: dict[str, list[str]] = {node: [] for node in self._position}

    def add(self, node: str, other: str) -> bool:
        """Add an edge from a node to another one. Return False if that would close a circle."""
        low, high = self._position[other], self._position[node]
        if low <= high:
            later = self._reachable(other, self._next, low, high)
            if node in later:
                return False
            earlier = self._reachable(node, self._previous, low, high)
            position = self._position.__getitem__
            moved = [*sorted(earlier, key=position), *sorted(later, key=position)]
            self._position |= dict(zip(moved, sorted(map(position, moved)), strict=True))
        self._next[node].append(other)
        self._previous[other].append(node)
        return True

    def _reachable(
        self, start: str, edges: Mapping[str, list[str]], low: int, high: int
    ) -> set[str]:
        """Return the nodes that edges lead to from a node, among those at the positions."""
        found = {start}
        pending = [start]
        while pending:
            for node in edges[pending.pop()]:
                if node not in found and low <= self._position[node] <= high:
                    found.add(node)
                    pending.append(node)
        return found

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
