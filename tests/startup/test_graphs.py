"""Random graphs of references: the tables are created, the application starts, rows are deleted.

`GRAPHS=500` tests 500 graphs.
"""

import os
import warnings
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.orm import registry

from crudgen.delivery.memory import unload
from crudgen.language.schema import Schema
from tests.startup.started import Application, application
from tests.support.random_graphs import random_graph

pytestmark = pytest.mark.long

GRAPHS = int(os.environ.get("GRAPHS", "4"))
"""How many graphs are tested."""


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(params=range(GRAPHS))
def graph(request: pytest.FixtureRequest) -> Iterator[tuple[Schema, Application]]:
    schema = random_graph(request.param)
    app = application(schema)
    yield schema, app
    unload(app.package)


def mappers(app: Application) -> registry:
    """Return those of one application: other tests of this process leave incomplete ones behind."""
    found: registry = app.module("kit.models").Model._sa_registry  # noqa: SLF001 - its mappers alone
    return found


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_graph(
    graph: tuple[Schema, Application],
    kind: str,
    new_database: Callable[[str], str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, app = graph
    engine = app.engine(new_database(kind))
    with engine.begin() as connection:
        app.metadata.create_all(connection)
    app.prepare(engine)
    app.prepare(engine)
    engine.dispose()
    app.start(new_database(kind))
    mappers(app).configure()
    assert not caplog.records
