"""The targets of a suite, and whether the results meet them."""

from collections.abc import Mapping, Sequence
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.load import Reading
from bench.report import Key
from bench.suites import CRUDGEN, Target

CLIENTS = 64
"""The number of clients that the targets are about."""


def print_targets(targets: Sequence[Target], readings: Mapping[Key, Sequence[Reading]]) -> None:
    """Print the targets whose contenders were measured with 64 clients."""
    found = [(target, ratio) for target in targets if (ratio := _ratio(target, readings))]
    if not found:
        return
    title = f"targets of crudgen, {CLIENTS} clients: responses per second × those of the contender"
    table = Table(title=title)
    for heading in ("database", "task", "contender"):
        table.add_column(heading)
    for heading in ("target", "measured", ""):
        table.add_column(heading, justify="right")
    for target, ratio in found:
        figures = (f"≥ {target.ratio:g}×", f"{ratio:.2f}×")
        met = "met" if ratio >= target.ratio else "not met"
        table.add_row(target.database, target.task, target.contender, *figures, met)
    Console(width=140).print(table)


def _ratio(target: Target, readings: Mapping[Key, Sequence[Reading]]) -> float | None:
    """Return the ratio of the medians; None if one of both was not measured."""
    rates = [
        median([one.rate for one in readings[key]])
        for name in (CRUDGEN, target.contender)
        if (key := (target.database, CLIENTS, target.task, name)) in readings
    ]
    return rates[0] / rates[1] if len(rates) == 2 else None
