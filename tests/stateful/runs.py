"""How often a machine runs, and how its responses are compared with those of the model."""

import os
from collections.abc import Callable
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.stateful.model import Refusal
from tests.stateful.process import Process

RUNS = int(os.environ.get("RUNS", "8"))
STEPS = 30
ENOUGH = 300
"""After so many runs, everything has happened."""
STATUSES = {200, 304, 404, 409, 412, 422, -9, -15}
"""The statuses of responses, and the signals that ended the server."""


def run(machine: type[RuleBasedStateMachine], process: Process) -> None:
    """Run a machine; each run has all of its steps."""

    class Running(machine):  # type: ignore[valid-type, misc]
        pass

    Running.process = process
    run_state_machine_as_test(
        Running,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # to shrink would take minutes
            suppress_health_check=list(HealthCheck),
        ),
        _min_steps=STEPS - 1,
    )
    if RUNS >= ENOUGH:
        assert {status for _, status in process.seen} == STATUSES, process.seen
    print(sorted(process.seen.items()))  # noqa: T201 -- pytest -s shows what was asked


def is_as(answer: httpx.Response, work: Callable[[Any], Any]) -> bool:
    """Compare a response with what the model makes of it; return whether it is 200."""
    found, status = answer.json(), 200
    try:
        wanted = [work(found if answer.status_code == 200 else {})]
    except Refusal as refusal:
        status, wanted = refusal.status, [{"detail": one} for one in refusal.details]
    assert answer.status_code == status, (found, wanted)
    assert _sorted(found) in [_sorted(one) for one in wanted], (found, wanted)
    return status == 200


def _sorted(body: Any) -> Any:
    """Sort problems: their order is not documented."""
    if not (isinstance(body, dict) and isinstance(body.get("detail"), list)):
        return body
    return {"detail": sorted(body["detail"], key=str)}
