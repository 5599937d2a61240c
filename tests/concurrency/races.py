"""Turns in which many clients write rows, while others delete what these refer to."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeAlias

from tests.concurrency.crowd import Answer, Client, Crowd

ROUNDS = int(os.environ.get("ROUNDS", "3"))
MORE_ROUNDS = 20
"""How many turns there are at most until each expected response was seen."""
CLIENTS = 32
TARGETS = range(1, 7)
"""The keys of the rows that are deleted, and created again before each turn."""


class Writer:
    """One client, which counts the statuses of its responses."""

    def __init__(self, client: Client, number: int, random: Random) -> None:
        self._client = client
        self.number = number
        self.random = random
        self.statuses: Counter[tuple[str, int]] = Counter()

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        answer = self._client.ask(method, path, body)
        self.statuses[f"{method} /{path.split('/')[1]}", answer.status] += 1
        return answer

    def target(self) -> int:
        return self.random.choice(TARGETS)

    def targets(self, count: int) -> list[int]:
        """Return the keys of different targets, in any order."""
        return self.random.sample(TARGETS, count)


Job: TypeAlias = Callable[[Writer], None]


def deletes_one(path: str) -> Job:
    return lambda writer: void(writer.ask("DELETE", f"{path}/{writer.target()}"))


def deletes_some(path: str) -> Job:
    return lambda writer: void(writer.ask("DELETE", f"{path}/bulk?{query_of(writer.targets(3))}"))


def replaces_one(path: str, **more: Any) -> Job:
    """Replace a target, or create it again."""

    def replace(writer: Writer) -> None:
        key = writer.target()
        writer.ask("PUT", f"{path}/{key}", {"id": key, "name": "y", **more})

    return replace


def void(_: Answer) -> None:
    """Let a job return nothing."""


def put(crowd: Crowd, path: str, by: str | None = None) -> None:
    """Create or replace the targets. Each refers by one of its properties to the key it has."""
    for key in TARGETS:
        body = {"id": key} if by is None else {"id": key, by: key}
        answer = crowd.apis[0].ask("PUT", f"{path}/{key}", json=body)
        assert answer.status_code == 200, answer.text


def query_of(keys: Sequence[int]) -> str:
    return "&".join(f"id={key}" for key in keys)


def race(
    crowd: Crowd,
    prepare: Callable[[], None],
    jobs: Sequence[Job],
    *expected: tuple[str, int],
    check: Callable[[], None] = lambda: None,
) -> None:
    """Let clients do the jobs at the same time, each client one of them, in several turns.

    `prepare` creates the targets before each turn. There are up to MORE_ROUNDS more turns until
    each expected response was seen. After each turn, no row may refer to one that does not exist.
    """
    statuses: Counter[tuple[str, int]] = Counter()
    for turn in range(ROUNDS + MORE_ROUNDS):
        prepare()

        def work(client: Client, number: int, turn: int = turn) -> Counter[tuple[str, int]]:
            writer = Writer(client, number, Random(f"{turn} {number}"))  # noqa: S311
            for _ in range(3):
                jobs[number % len(jobs)](writer)
            return writer.statuses

        for done in crowd.together(CLIENTS, work):
            statuses += done
        assert not crowd.orphans()
        check()
        if turn + 1 >= ROUNDS and statuses.keys() >= {*expected}:
            break
    print(sorted(statuses.items()))  # noqa: T201 -- pytest -s shows what was asked
    assert statuses.keys() >= {*expected}
    assert {status for _, status in statuses} <= {200, 404, 409}
