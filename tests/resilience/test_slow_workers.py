"""Workers that take long to start or that hang: when they are replaced, and how soon all end."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.servers import Api, Servers

LONGEST_SECONDS = 10
"""The time that the contract gives the end."""
SLOW = """
import os, sys, time

if "--multiprocessing-fork" in sys.orig_argv:
    from multiprocessing.process import BaseProcess

    begin = BaseProcess._bootstrap  # it is called when the application has been received

    def begin_late(*arguments, **options):
        time.sleep(float(os.environ["SLEEP_SECONDS"]))
        return begin(*arguments, **options)

    BaseProcess._bootstrap = begin_late
"""

pytestmark = [pytest.mark.long, pytest.mark.slow]


@pytest.fixture(params=["served", "emitted"])
def start(
    request: pytest.FixtureRequest,
    servers: Servers,
    new_database: Callable[[str], str],
    root: Path,
    tmp_path: Path,
) -> Callable[[int], Api]:
    """Return what starts two workers that sleep for some seconds first."""

    def start(seconds: int) -> Api:
        (tmp_path / "sitecustomize.py").write_text(SLOW)
        settings = {"PYTHONPATH": str(tmp_path), "SLEEP_SECONDS": str(seconds)}
        options = {"workers": 2, "settings": settings, "wait": False}
        database = new_database("sqlite")
        return servers.start(root / "entities", request.param, database, **options)  # type: ignore[arg-type]

    return start


def wait_for_workers(api: Api, *, without: int = 0, seconds: float = 60) -> set[int]:
    """Return the process ids of two workers that may not have started yet."""
    deadline = time.monotonic() + seconds
    while len(found := {worker.pid for worker in api.workers} - {without}) < 2:
        assert time.monotonic() < deadline, api.log.read_text()
        time.sleep(0.05)
    return found


def freeze(worker: int) -> None:
    """Stop a worker that is known to have started, and wait until it has been sent a check."""
    time.sleep(1.5)
    os.kill(worker, signal.SIGSTOP)
    time.sleep(1.5)


def test_workers_that_start_slowly_are_not_replaced(start: Callable[[int], Api]) -> None:
    api = start(9)  # uvicorn would replace a worker after 5 s
    workers = wait_for_workers(api)
    api.wait_until_ready()
    api.wait_until_all_answer(2)
    assert {worker.pid for worker in api.workers} == workers
    api.stop()


def test_sigterm_while_workers_start(start: Callable[[int], Api]) -> None:
    api = start(60)
    workers = wait_for_workers(api)
    time.sleep(1.5)  # the parent process has sent both a check
    api.stop(LONGEST_SECONDS)
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_a_worker_that_hangs(start: Callable[[int], Api]) -> None:
    """It is replaced long before the time of a start is over, and does not delay the end."""
    api = start(0)
    api.wait_until_ready()
    api.wait_until_all_answer(2)
    first = min(wait_for_workers(api))
    freeze(first)
    wait_for_workers(api, without=first, seconds=20)
    api.wait_until_all_answer(2)
    workers = wait_for_workers(api)
    freeze(min(workers))
    api.stop(LONGEST_SECONDS)
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
