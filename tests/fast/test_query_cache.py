"""Queries that are asked often are read once; what nobody asks twice takes no memory."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import crudgen
from crudgen.delivery.memory import import_tree, unload


@pytest.fixture(scope="module")
def parameters(root: Path) -> Iterator[Any]:
    package = import_tree(crudgen.render(crudgen.load(root / "entities")))
    routes = importlib.import_module(f"{package.__name__}.heroes.routes")
    cache = importlib.import_module(f"{package.__name__}.kit.fast.query_cache")
    yield cache.QueryCache(routes.heroes.query.dependency)
    unload(package)


@pytest.mark.parametrize("query", [b"", b"limit=3", b"sort=-age&sort=name&name__in=a&name__in=b"])
def test_a_query_is_read_once(parameters: Any, query: bytes) -> None:
    assert parameters.read(query) is parameters.read(query)


def test_long_queries_take_no_memory(parameters: Any) -> None:
    for number in range(30):
        names = "&".join(f"name__in={number}{letter * 70}" for letter in "abcdefghijklmnopqrst")
        found = parameters.read(names.encode())
        assert len(found.filters[0].values) == 20
        assert sys.getrefcount(found) == 2  # this variable, and the argument
