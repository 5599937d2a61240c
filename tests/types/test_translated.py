"""Tests of other modules, with JSON names in camelCase and columns in PascalCase.

`NAMES=camel python -m pytest tests/http tests/rows tests/query tests/types` runs all of them so.
"""

from collections.abc import Callable, Iterator

import httpx
import pytest
from sqlalchemy import inspect

from tests.http.test_etags import (  # noqa: F401 - pytest collects them
    test_a_change_of_another_state_is_412,
    test_a_conflict_beside_a_condition_is_409,
)
from tests.query.test_refusals import (  # noqa: F401
    test_a_cursor_is_bound_to_what_was_asked,
    test_the_problem_names_what_is_allowed,
)
from tests.support.servers import Everywhere, Servers
from tests.types.test_values import (  # noqa: F401
    test_animals_come_back_equal,
    test_the_server_sets_what_is_read_only,
)

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[str], str]
) -> Iterator[Servers]:
    """Replace the servers of the other modules."""
    started = Servers(tmp_path_factory.mktemp("servers"), new_database, names="camel")
    yield started
    started.stop()


def test_the_names_differ(everywhere: Everywhere) -> None:
    assert everywhere.ask("GET", "/animals/?seen_at__isnull=false").status_code == 422
    for api in everywhere.apis:
        document = httpx.get(f"{api.client.base_url}/openapi.json", timeout=30).json()
        properties = document["components"]["schemas"]["AnimalPublic"]["properties"]
        assert {"title", "seenAt", "motherChip"} <= properties.keys()
        assert not [name for name in properties if "_" in name]
        columns = {one["name"] for one in inspect(api.engine).get_columns("animal")}
        assert {"Title", "SeenAt", "MotherChip", "Id"} <= columns
