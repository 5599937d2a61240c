"""Random requests to tables that refer to each other, answered as dicts would answer them.

`RUNS=500 python -m pytest --dist=load tests/stateful` is the extended run.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.stateful.graph_reads import Reads
from tests.stateful.graph_writes import Writes
from tests.stateful.guild_bodies import bodies
from tests.stateful.process import Process
from tests.stateful.runs import run
from tests.support.servers import Servers

SPEC = Path(__file__).parents[1] / "specs/guild/entities"
FIRST = ("teams", "powers", "heroes", "heroes", "badges", "missions", "steps", "reports")


class Machine(Reads, Writes):
    """Each rule sends requests and compares the responses with the model's."""

    def __init__(self) -> None:
        super().__init__()
        self.may_restart = False

    @initialize(restarts=st.booleans(), data=st.data())
    def begin(self, data: st.DataObject, *, restarts: bool) -> None:
        """Create a few rows of each entity, so that references have targets."""
        self.may_restart = restarts
        for plural in FIRST:
            for _ in range(2):
                self.create((plural, data.draw(bodies(plural, whole=True))))

    @precondition(lambda self: self.may_restart)
    @rule(abruptly=st.booleans())
    def restart(self, *, abruptly: bool) -> None:
        """Restart the server, which takes as long as a run."""
        self.may_restart = False
        self.process.restart(abruptly=abruptly)


@pytest.fixture(params=["sqlite", "postgresql"])
def process(
    request: pytest.FixtureRequest, servers: Servers, new_database: Callable[[str], str]
) -> Iterator[Process]:
    process = Process(servers, SPEC, new_database(request.param))
    yield process
    process.stop()


@pytest.mark.long
@pytest.mark.slow
def test_the_server_answers_as_a_graph_of_dicts_would(process: Process) -> None:
    run(Machine, process)
