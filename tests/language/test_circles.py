"""Which edges close a circle, and the work to find that out."""

import itertools
import random
from collections import defaultdict

import pytest

from crudgen.language.resolve.acyclic import AcyclicGraph
from tests.support.instructions import growth

LIMIT = 2.02
"""A little more than 2."""


def leads_to(edges: dict[str, list[str]], start: str, end: str) -> bool:
    found = [start]
    for node in found:
        found += [one for one in edges[node] if one not in found]
    return end in found


@pytest.mark.parametrize("seed", range(100))
def test_edges_that_close_a_circle_are_not_added(seed: int) -> None:
    source = random.Random(seed)  # noqa: S311 - the same at every run
    nodes = [f"node{number}" for number in range(source.randint(1, 30))]
    graph, edges = AcyclicGraph(nodes), defaultdict[str, list[str]](list)
    for _ in range(source.randint(0, 4 * len(nodes))):
        node, other = source.choice(nodes), source.choice(nodes)
        closes = leads_to(edges, other, node)
        assert graph.add(node, other) is not closes
        if closes:
            path = graph.path(other, node)
            assert (path[0], path[-1]) == (other, node)
            assert all(two in edges[one] for one, two in itertools.pairwise(path))
        else:
            edges[node].append(other)


def build_chain(size: int) -> None:
    """Add the edges of a chain, each before those that lead to it."""
    nodes = [f"{number:03}" for number in range(size)]
    graph = AcyclicGraph(nodes)
    assert all(graph.add(node, before) for before, node in itertools.pairwise(nodes))


def test_a_chain_against_the_order_of_its_nodes_takes_no_search() -> None:
    """Its work doubles with its length."""
    assert growth(build_chain, 50) < LIMIT
