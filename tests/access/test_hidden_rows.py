"""Rows that a caller may not read have no influence on any response to them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
import pytest

from crudgen.delivery.memory import unload
from tests.access.agency import ENTITIES, ROWS, Rows, Rules, random_rules, with_rules
from tests.access.asking import asks
from tests.access.test_rules import CALLERS, COUNTED, SECRET, bearer, package_of
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

MORE: Mapping[str, dict[str, Any]] = {
    "team": {"id": 3, "name": "Hidden"},
    "hero": {"id": 3, "name": "Ann", "age": 1, "team_id": None},
    "power": {"code": "hid", "name": "Hidden"},
    "badge": {"id": 3, "name": "Ann"},
    "mission": {"id": 3, "goal": "Ann", "hero_id": 1, "backup_id": None},
}
"""Rows that a caller who may not read them does not notice."""
TEXTS = {"name", "goal"}
IGNORED = {"x-request-id"}


def changed(hidden: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return other rows of the hidden entities: with other texts, and one more."""
    found = {}
    for name in map(str.lower, hidden):
        if name in MORE:
            rows = [
                {key: f"other {value}" if key in TEXTS else value for key, value in row.items()}
                for row in ROWS[name]
            ]
            found[name] = [*rows, MORE[name]]
    return found


def shown(answer: httpx.Response) -> tuple[Any, ...]:
    headers = [(name, value) for name, value in answer.headers.items() if name not in IGNORED]
    return answer.status_code, headers, answer.content


async def differing(package: Any, database: str, rules: Rules) -> list[str]:
    """Return the requests whose responses differ if only hidden rows do."""
    application = Application(package)
    found = []
    async with application.running(database, auth_secret=SECRET, secret_key=SECRET) as app:
        rows, client = Rows(application.engine(database)), AsgiClient(app)
        rows.reset()
        for (name, sent), roles in zip(CALLERS.items(), COUNTED, strict=True):
            headers = bearer(sent)
            hidden = [one for one in ENTITIES if not rules.allow(one, "read", roles)]
            answers: list[list[tuple[Any, ...]]] = []
            for others in ({}, changed(hidden)):
                rows.reset(others)
                answers.append([])
                for ask in asks():
                    answer = await client.request(
                        ask.method, ask.path, json=ask.json, headers=headers | ask.headers
                    )
                    answers[-1].append(shown(answer))
                    if ask.method != "GET" and answer.is_success:
                        rows.reset(others)
            for ask, first, second in zip(asks(), *answers, strict=True):
                if first != second:
                    found.append(f"{name} {ask.method} {ask.path}: {first} {second}")
    return found


RULES = {
    "a hidden hero": {
        "Team": "{read: anyone, write: editor}",
        "Hero": "{read: hr, create: anyone, update: hr}",
        "Power": "{read: anyone, create: user, update: editor}",
        "Badge": "{read: user, write: editor}",
        "Award": "{read: user, create: user, delete: user}",
        "Mission": "{read: user, create: user, update: user, delete: user}",
    },
    "a hidden team": {
        "Team": "{read: hr, create: anyone}",
        "Hero": "{read: hr, create: user}",
        "Power": "{read: [editor, hr], create: anyone, update: hr}",
        "Badge": "nobody",
        "Award": "user",
        "Mission": "{read: [editor, hr], create: anyone, update: hr}",
    },
    "at random": random_rules(9),
}


@pytest.mark.long
@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_hidden_rows_have_no_influence(
    kind: str, rules: Mapping[str, str], new_database: Callable[[str], str]
) -> None:
    package = package_of(rules)
    try:
        read = Rules(with_rules(rules).values())
        assert asyncio.run(differing(package, new_database(kind), read)) == []
    finally:
        unload(package)


@pytest.mark.long
def test_a_filter_by_hidden_rows_is_noticed(new_database: Callable[[str], str]) -> None:
    rules = RULES["a hidden hero"]
    package = package_of(rules, ("app/kit/access/queries.py", "in query.filters", "in ()"))
    try:
        read = Rules(with_rules(rules).values())
        found = asyncio.run(differing(package, new_database("sqlite"), read))
        assert any("heroes__any__name" in one for one in found)
    finally:
        unload(package)
