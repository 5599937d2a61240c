"""Circles in a directed graph. Reason to change: how they are found."""

from collections.abc import Iterator, Mapping, Sequence

Graph = Mapping[str, Sequence[str]]


def components(graph: Graph) -> Iterator[list[str]]:
    """Yield the strongly connected components of more than one node, by Tarjan's algorithm."""
    indexes: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_nodes: dict[str, None] = {}
    for root in graph:
        if root in indexes:
            continue
        path = [(root, iter(graph[root]))]
        indexes[root] = lowest[root] = len(indexes)
        open_nodes[root] = None
        while path:
            node, others = path[-1]
            other = next(others, None)
            if other is None:
                path.pop()
                if path:
                    above = path[-1][0]
                    lowest[above] = min(lowest[above], lowest[node])
                if lowest[node] == indexes[node]:
                    found = _close(node, open_nodes)
                    if len(found) > 1:
                        yield found
            elif other not in indexes:
                indexes[other] = lowest[other] = len(indexes)
                open_nodes[other] = None
                path.append((other, iter(graph[other])))
            elif other in open_nodes:
                lowest[node] = min(lowest[node], indexes[other])


def _close(node: str, open_nodes: dict[str, None]) -> list[str]:
    """Remove and return the open nodes since `node`."""
    found: list[str] = []
    while node not in found[-1:]:
        found.append(open_nodes.popitem()[0])
    return found


def circle(graph: Graph) -> list[str]:
    """Return the nodes of a shortest circle through the first node, in a connected component."""
    start = next(iter(graph))
    paths = [[start]]
    seen = {start}
    for path in paths:
        for other in graph[path[-1]]:
            if other == start:
                return path
            if other not in seen:
                seen.add(other)
                paths.append([*path, other])
    return [start]
