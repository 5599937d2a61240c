"""What a caller cannot see has no influence on what the caller gets.

Two databases differ in rows and values that a caller cannot see. Every operation and parameter of
the OpenAPI document answers with the same bytes and headers, apart from what SECURITY.md lists.
`PAIRS=20` compares 20 pairs of databases for each caller, in both ways, with requests of all kinds.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import httpx
import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.mutants import mutated
from tests.access.press import APP, CALLERS, LINKS, SPECS, Caller, Data, changed, rows, view
from tests.access.press_requests import Sent, chosen, requests
from tests.access.tables import Tables, tables_of
from tests.access.test_hidden_rows import shown
from tests.access.test_rules import SECRET, bearer
from tests.startup.started import Application
from tests.support.asgi import ADDRESS, AsgiClient

PAIRS = int(os.environ.get("PAIRS", "0"))
SAMPLE = 60
"""The requests that the short form sends for each caller, besides those of TOLD."""
TOLD: Sequence[tuple[str, str, set[int]]] = (
    ("a key that is taken", "POST /articles/", {409}),
    ("a key that is taken", "PUT /articles/", {403, 409}),
    ("a row that others refer to", "DELETE /topics/", {409}),
)
"""What SECURITY.md lists: requests, and the status of one of both responses."""


class Pair:
    """An application, as one caller uses it on two databases that look the same to them."""

    def __init__(self, client: AsgiClient, tables: Tables, caller: Caller) -> None:
        self._client, self._tables, self._caller = client, tables, caller
        self._headers = {} if caller is None else bearer(caller[0], **caller[1])
        self._kept: list[str] = []

    def store(self, *both: Data) -> None:
        self._kept = []
        for data in both:
            self._tables.store({name: [*found.values()] for name, found in data.items()})
            self._kept.append(self._tables.keep())

    async def answers(self, sent: Sequence[Sent]) -> list[list[Any]]:
        """Return the responses of each database."""
        found: list[list[Any]] = []
        for kept in self._kept:
            self._tables.restore(kept)
            found.append([])
            for one in sent:
                found[-1].append(await self._responses(one))
                if one.method not in {"GET", "HEAD", "OPTIONS"}:
                    self._tables.restore(kept)
        return found

    async def _responses(self, one: Sent) -> list[tuple[Any, ...]]:
        headers = dict(one.headers)
        for name, value in one.headers.items():
            if value == "tag":
                row = await self._ask("GET", one.path, None, {})
                headers[name] = row.headers.get("etag", '"none"')
        url = f"{one.path}?{one.query}" if one.query else one.path
        answer = await self._ask(one.method, url, one.json, headers)
        found = [shown(answer)]
        while one.follows and 'rel="next"' in answer.headers.get("link", ""):
            url = answer.links["next"]["url"].removeprefix(ADDRESS)
            answer = await self._ask("GET", url, None, {})
            found.append(shown(answer))
        if one.headers.get("Idempotency-Key"):
            found.append(shown(await self._ask(one.method, url, one.json, headers)))
        # Who publishes an article can read its comments from then on.
        publishes = isinstance(one.json, dict) and "state" in one.json
        is_write = one.method not in {"GET", "HEAD", "OPTIONS"}
        if is_write and found[0][0] < 300 and not publishes:
            path = f"/{one.path.split('/')[1]}/"
            found.append(shown(await self._ask("GET", f"{path}?count=exact", None, {})))
        return found

    async def _ask(self, method: str, url: str, json: Any, headers: Any) -> httpx.Response:
        sent = self._headers | headers
        return await self._client.request(method, url, json=json, headers=sent)


def told(one: Sent, both: Sequence[Any]) -> str:
    """Return what SECURITY.md lists about a difference; empty if it lists nothing."""
    statuses = {found[0][0] for found in both}
    for what, start, expected in TOLD:
        if f"{one.method} {one.path}".startswith(start) and statuses & expected:
            return what
    return ""


async def compare(
    package: Any, database: str, *, seeds: Sequence[int], short: bool, sample: int | None = None
) -> tuple[list[str], Counter[str], int]:
    """Return differences, how often a response had to differ, and how many were compared."""
    application = Application(package)
    differences: list[str] = []
    listed: Counter[str] = Counter()
    count = 0
    async with application.running(
        database, auth_secret=SECRET, secret_key=SECRET, shortcut=short
    ) as app:
        client = AsgiClient(app)
        every = [*requests((await client.get("/openapi.json")).json())]
        with tables_of(application, database, application.metadata) as tables:
            for seed in seeds:
                for name, caller in CALLERS.items():
                    random = Random(f"{seed} {name}")  # noqa: S311 -- tests need no secrets
                    first = rows(random)
                    second = changed(random, caller, first, 60)
                    assert view(caller, first) == view(caller, second)
                    sent = chosen(random, every, sample)
                    pair = Pair(client, tables, caller)
                    pair.store(first, second)
                    both = await pair.answers(sent)
                    for one, *answers in zip(sent, *both, strict=True):
                        count += len(answers[0])
                        if answers[0] == answers[1]:
                            continue
                        if what := told(one, answers):
                            listed[what] += 1
                        else:
                            differences.append(f"{seed} {name} {one}: {answers}")
    return differences, listed, count


def package_of(mutation: Sequence[str] = ()) -> Any:
    return import_tree(mutated(render(load_texts(SPECS, APP)), mutation))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_a_caller_cannot_see_has_no_influence(
    kind: str, new_database: Callable[[str], str]
) -> None:
    package = package_of()
    try:
        listed: Counter[str] = Counter()
        count = 0
        for short in (True, False) if PAIRS else (True,):
            found, more, answers = asyncio.run(
                compare(
                    package,
                    new_database(kind),
                    seeds=range(PAIRS or 1),
                    short=short,
                    sample=None if PAIRS else SAMPLE,
                )
            )
            assert found == [], "\n".join(found[:9])
            listed, count = listed + more, count + answers
        print(f"{kind}: {count} pairs of answers, {dict(listed)}")  # noqa: T201 -- with -s
        assert count > 7 * SAMPLE
    finally:
        unload(package)


EMPTY: Data = {"topic": {}, "article": {}, "tag": {}, "comment": {}, "member": {}, LINKS: {}}
TOPIC = {1: {"id": 1, "name": "a", "open": True}}
HIDDEN = {"number": 9, "title": "a", "state": "draft", "words": 1, "owner_id": 8, "topic_id": 1}
TELLING: Mapping[str, Sent] = {
    "POST of a key": Sent("POST", "/articles/", json={"number": 9, "title": "t"}),
    "PUT of a key": Sent("PUT", "/articles/9", json={"number": 9, "title": "t"}),
    "deletion": Sent("DELETE", "/topics/1"),
}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_must_tell_is_listed(kind: str, new_database: Callable[[str], str]) -> None:
    """A hidden row has an influence where SECURITY.md says so; so these responses do differ."""
    package = package_of()
    application = Application(package)

    async def statuses() -> dict[str, list[int]]:
        database = new_database(kind)
        async with application.running(database, auth_secret=SECRET) as app:
            with tables_of(application, database, application.metadata) as tables:
                pair = Pair(AsgiClient(app), tables, CALLERS["owner"])
                free = EMPTY | {"topic": TOPIC}
                pair.store(free, free | {"article": {9: HIDDEN}})
                both = await pair.answers([*TELLING.values()])
                for one, first, second in zip(TELLING.values(), *both, strict=True):
                    assert told(one, [first, second]), (one, first, second)
                return {
                    name: [first[0][0], second[0][0]]
                    for name, first, second in zip(TELLING, *both, strict=True)
                }

    try:
        assert asyncio.run(statuses()) == {
            "POST of a key": [200, 409],
            "PUT of a key": [200, 409],
            "deletion": [200, 409],
        }
    finally:
        unload(package)


VISIBILITY, OPERATIONS = "app/kit/query/visibility.py", "app/kit/access/row_operations.py"
RULES = "app/kit/access/rules.py"
MUTANTS: Mapping[str, Sequence[str]] = {
    "counts": (
        "app/kit/query/related_statements.py",
        "rows.source(name, kind)",
        "rows.columns.properties.table.alias(name)",
    ),
    "filters": (
        "app/kit/query/related_conditions.py",
        "step.rows.source(None, kind)",
        "self.columns.properties.table.alias()",
    ),
    "one row": ("app/kit/rows/related_listing.py", "*columns.visible(db.kind)", ""),
    "related rows": (
        VISIBILITY,
        "rows if condition is None else rows.where(condition(kind))",
        "rows",
    ),
    "tables without hidden rows": (
        VISIBILITY,
        "return self._condition_of(table) is not None",
        "return False",
    ),
    "tables with hidden values alone": (
        VISIBILITY,
        "return self.hides_rows(table) or bool(self.masks(table))",
        "return bool(self.masks(table))",
    ),
    "rows": (OPERATIONS, "if self.own_condition is not None:", "if False:"),
    "values": (OPERATIONS, "if self.masks:", "if False:"),
    "related tables": (
        OPERATIONS,
        "if any(map(visibility.hides_rows_or_values, rows.related_tables())):",
        "if False:",
    ),
    "relations": (OPERATIONS, "self.visible = self.visible.with_visibility(visibility)", "pass"),
    "conditions": (RULES, "len(conditions) < len(found)", "len(conditions) <= len(found)"),
    "tenants": (RULES, "(None if tenant is None else tenant.condition,", "(None,"),
}
"""Changes of the kit that show something: a file, an old text and a new one."""


@pytest.mark.long
@pytest.mark.parametrize("mutation", MUTANTS.values(), ids=MUTANTS)
def test_what_shows_is_found(mutation: Sequence[str], new_database: Callable[[str], str]) -> None:
    package = package_of(mutation)
    try:
        running = compare(package, new_database("sqlite"), seeds=[0], short=True, sample=200)
        assert asyncio.run(running)[0] != []
    finally:
        unload(package)
