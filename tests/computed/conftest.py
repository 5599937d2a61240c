"""The application with computed properties, on both databases."""

from collections.abc import Callable, Iterator

import pytest

from tests.computed.crew import Crew, crews


@pytest.fixture(scope="module")
def both(
    request: pytest.FixtureRequest, new_database: Callable[[str], str]
) -> Iterator[list[Crew]]:
    """Start it with the kit of the module: with the optimizations of `fast/`, or without."""
    with crews(new_database, request.module.KIT) as found:
        yield found
