"""Workers that take long to start, as on a busy machine, are waited for."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.servers import Api, Servers

SLOW = """
import sys, time

if "--multiprocessing-fork" in sys.orig_argv:
    time.sleep(9)  # uvicorn would replace a worker after 5 s
"""


def wait_for_workers(api: Api) -> set[int]:
    """Return the process ids of two workers that may not have started yet."""
    deadline = time.monotonic() + 120
    while len(api.workers) < 2:
        assert time.monotonic() < deadline, api.log.read_text()
        time.sleep(0.05)
    return {worker.pid for worker in api.workers}


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("mode", ["served", "emitted"])
def test_workers_that_start_slowly_are_not_replaced(
    servers: Servers, new_database: Callable[[str], str], root: Path, tmp_path: Path, mode: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW)
    settings = {"PYTHONPATH": str(tmp_path)}
    database = new_database("sqlite")
    api = servers.start(root / "entities", mode, database, workers=2, settings=settings, wait=False)
    workers = wait_for_workers(api)
    api.wait_until_ready()
    api.wait_until_all_answer(2)
    assert {worker.pid for worker in api.workers} == workers
    api.stop()
