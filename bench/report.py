"""Medians of the results, as tables and as JSON."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.load import Reading
from bench.suites import BASELINE

Key = tuple[str, int, str, str]
"""Database, number of clients, task, name of the contender."""


def print_json(readings: Mapping[Key, Sequence[Reading]]) -> None:
    """Print the medians as JSON."""
    rows = [
        {
            "database": database,
            "clients": clients,
            "work": work,
            "contender": contender,
            "rate": round(median(one.rate for one in found), 1),
            "p50_ms": round(median(one.p50 for one in found), 3),
            "p99_ms": round(median(one.p99 for one in found), 3),
            "rounds": len(found),
        }
        for (database, clients, work, contender), found in readings.items()
    ]
    print(json.dumps(rows, indent=2))


def print_tables(readings: Mapping[Key, Sequence[Reading]]) -> None:
    """Print a table for each database and number of clients."""
    groups: defaultdict[tuple[str, int], dict[tuple[str, str], Sequence[Reading]]]
    groups = defaultdict(dict)
    for (database, clients, work, contender), found in readings.items():
        groups[database, clients][work, contender] = found
    console = Console(width=140)
    for (database, clients), group in groups.items():
        works = list(dict.fromkeys(work for work, _ in group))
        table = Table(title=f"{database}, {clients} clients: responses per second (× by hand), p99")
        table.add_column("")
        for work in works:
            table.add_column(work, justify="right")
        for contender in dict.fromkeys(contender for _, contender in group):
            table.add_row(contender, *(_cell(group, work, contender) for work in works))
        console.print(table)


def _cell(group: Mapping[tuple[str, str], Sequence[Reading]], work: str, contender: str) -> str:
    if (work, contender) not in group:
        return ""
    rate = median(one.rate for one in group[work, contender])
    p99 = median(one.p99 for one in group[work, contender])
    base = median([one.rate for one in group.get((work, BASELINE), [])] or [0.0])
    ratio = f" ({rate / base:.1f}×)" if base else ""
    return f"{rate:,.0f}{ratio} {p99:.1f} ms"
