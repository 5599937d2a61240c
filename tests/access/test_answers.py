"""The oracles of rules agree with the application, in the short way of requests and without it.

`ANSWERS=50000` compares 50,000 answers, half of them with each database; `-s` prints their numbers.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import pytest

from crudgen.delivery.memory import unload
from tests.access import (
    agency,
    clubs,
    guild,
    keyed,
    notes,
    staff,
    test_fields,
    test_links,
    test_related_rows,
    test_row_rules,
    test_rules,
    test_written_keys,
)

ANSWERS = int(os.environ.get("ANSWERS", "2000"))
Answers = tuple[list[str], int]


def of_rows(seed: int, database: str, short: bool) -> Answers:
    written = notes.spec(notes.random_rules(seed) if seed else test_row_rules.OWN)
    package = test_row_rules.package_of(written)
    running = test_row_rules.differences(package, database, written, seed=seed, short=short)
    return _run(package, running)


def of_operations(seed: int, database: str, short: bool) -> Answers:
    rules = agency.random_rules(seed)
    package = test_rules.package_of(rules)
    read = agency.Rules(agency.with_rules(rules).values())
    return _run(package, test_rules.differences(package, database, read, short=short))


def of_related_rows(seed: int, database: str, short: bool) -> Answers:
    rules = {0: clubs.OWN, 1: clubs.OVER_PATHS}.get(seed) or clubs.random_rules(seed)
    package = test_related_rows.package_of(rules)
    running = test_related_rows.differences(package, database, rules, seed=seed, short=short)
    return _run(package, running)


def of_fields(seed: int, database: str, short: bool) -> Answers:
    rules = staff.random_rules(seed) if seed else staff.OWN
    package = test_fields.package_of(rules)
    running = test_fields.differences(package, database, rules, seed=seed, short=short)
    return _run(package, running)


def of_links(seed: int, database: str, short: bool) -> Answers:
    rules = guild.random_rules(seed) if seed else guild.OWN
    package = test_links.package_of(rules)
    running = test_links.differences(package, database, rules, seed=seed, short=short)
    return _run(package, running)


def of_keys(seed: int, database: str, short: bool) -> Answers:
    rules = keyed.rules_of(seed)
    package = test_written_keys.package_of(rules)
    running = test_written_keys.differences(package, database, rules, seed=seed, short=short)
    return _run(package, running)


def _run(package: Any, running: Any) -> Answers:
    try:
        found: Answers = asyncio.run(running)
        return found
    finally:
        unload(package)


ORACLES: Sequence[Callable[[int, str, bool], Answers]] = (
    of_rows,
    of_operations,
    of_related_rows,
    of_fields,
    of_links,
    of_keys,
)


def runs() -> Iterator[tuple[Callable[[int, str, bool], Answers], int, bool]]:
    """Yield the oracles with ever more sets of rules, in both ways."""
    for seed in count():
        for oracle in ORACLES:
            for short in (True, False):
                yield oracle, seed, short


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_all_answers_are_as_the_rules_say(kind: str, new_database: Callable[[str], str]) -> None:
    compared: Counter[str] = Counter()
    for oracle, seed, short in runs():
        found, answers = oracle(seed, new_database(kind), short)
        assert found == [], (oracle.__name__, seed, short)
        compared[f"{oracle.__name__}, {'short way' if short else 'without it'}"] += answers
        if compared.total() * 2 >= ANSWERS:
            break
    for name, answers in compared.items():
        print(f"{kind} {name}: {answers} answers")  # noqa: T201 -- with -s
    print(f"{kind}: {compared.total()} answers, 0 differences")  # noqa: T201 -- with -s
    assert compared.total() * 2 >= ANSWERS
