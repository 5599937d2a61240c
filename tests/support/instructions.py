"""Counts executed instructions: a measure of work that does not depend on the machine."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import crudgen

_PACKAGE = str(Path(crudgen.__file__).parent)


def instructions(run: Callable[[], object]) -> int:
    """Return how many instructions of bytecode of crudgen a function executes.

    Loops in libraries and in builtins such as `sorted` do not count.
    """
    count = 0

    def traced(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        if event == "opcode":
            count += 1
        elif event == "call":
            if not frame.f_code.co_filename.startswith(_PACKAGE):
                return None
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
        return traced

    before = sys.gettrace()
    sys.settrace(traced)
    try:
        run()
    finally:
        sys.settrace(before)
    return count


def growth(run: Callable[[int], object], size: int) -> float:
    """Return how much more work four times the size adds than twice the size does.

    It is 2 if the work is proportional to the size, apart from a constant part, and 4 if it is
    proportional to its square. The first run does not count: it fills caches, and CPython 3.12
    traces a function from its second call.
    """
    _, once, twice, four = (
        instructions(partial(run, number)) for number in (size, size, 2 * size, 4 * size)
    )
    return (four - twice) / (twice - once)
