"""Shows how far a long command is, on a terminal. Reason to change: the look of a progress bar."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

_SECONDS = 1.0
"""How long a command runs before it shows its progress."""
Report = Callable[[str, int, int | None], None]
"""Reports what is done, how much of it, and how much there is, if that is known."""


@contextmanager
def shown_progress(*, is_shown: bool = True) -> Iterator[Report]:
    """Yield a function that reports progress. It prints to the standard error of a terminal."""
    if not (is_shown and sys.stderr.isatty()):
        yield _ignore
        return
    started, bars = monotonic(), _Bars()

    def report(what: str, done: int, of: int | None) -> None:
        if monotonic() - started > _SECONDS:
            bars.show(what, done, of)

    try:
        yield report
    finally:
        bars.close()


def row_counter(report: Report, what: str, of: int | None) -> Callable[[int], None]:
    """Return a function that reports how many more rows are done."""
    done = 0

    def add(number: int) -> None:
        nonlocal done
        done += number
        report(what, done, of)

    return add


def _ignore(_what: str, _done: int, _of: int | None) -> None:
    """Report nothing."""


class _Bars:
    """One progress bar, which shows each part of the work after another."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._what = ""

    def show(self, what: str, done: int, of: int | None) -> None:
        if self._bar is None:
            from rich.console import Console  # noqa: PLC0415 -- lazy: slow to import
            from rich.progress import Progress  # noqa: PLC0415 -- lazy

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._bar.start()
        if what != self._what:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._what, self._task = what, self._bar.add_task(what, total=of)
        self._bar.update(self._task, completed=done, total=of)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
