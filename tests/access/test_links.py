"""Links are read and changed as rules about rows say, and hidden links and rows tell nothing.

`RULES=40` tests 40 random sets of rules.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.comparing import collected
from tests.access.guild import (
    APP,
    CALLERS,
    KEYS,
    OWN,
    Caller,
    Guild,
    Rules,
    guild,
    random_rules,
    texts,
)
from tests.access.linking import MISSING, SIDES, Change, Pairs, changes, expected
from tests.access.mutants import mutated
from tests.access.tables import Tables
from tests.access.test_rules import bearer
from tests.support.asgi import AsgiClient

NewDatabase = Callable[[str], str]
RULES = int(os.environ.get("RULES", "1"))


class Links:
    """An application with links and rules, its tables, and what they should contain."""

    def __init__(self, client: AsgiClient, tables: Tables, rules: Rules, data: Guild) -> None:
        self.client, self.tables, self.rules, self.data = client, tables, rules, data
        self.store(data)
        self._kept = tables.keep()
        self.found: list[str] = []
        self.count = 0

    def store(self, data: Guild) -> None:
        rows = {name.lower(): [*found.values()] for name, found in data.rows.items()}
        for name, links in (("power", data.powers), ("friend", data.friends)):
            sent = [{"hero_id": one, f"{name}_id": other} for one, other in links]
            rows[f"hero_{name}_link"] = sent
        self.tables.store(rows)

    def reset(self) -> None:
        self.tables.restore(self._kept)

    def stored(self, name: str) -> Pairs:
        word = name.removesuffix("s")
        found = self.tables.rows(f"hero_{word}_link")
        return {(one["hero_id"], one[f"{word}_id"]) for one in found}

    async def ask(self, caller: Caller, method: str, path: str, json: Any = None) -> httpx.Response:
        self.count += 1
        headers = bearer(None) if caller is None else bearer(caller[0], sub=str(caller[1]))
        return await self.client.request(method, path, json=json, headers=headers)

    def without_hidden(self, caller: Caller) -> Guild:
        """Return the rows and links that a caller can read."""
        data = self.data
        seen = {name: data.readable(self.rules, name, caller) for name in data.rows}
        rows = {name: {key: data.rows[name][key] for key in seen[name]} for name in data.rows}
        rows["Award"] = {
            key: row
            for key, row in rows["Award"].items()
            if row["hero_id"] in seen["Hero"] and row["badge_id"] in seen["Badge"]
        }
        powers = {one for one in data.powers if one[0] in seen["Hero"] and one[1] in seen["Power"]}
        return Guild(rows, powers, {one for one in data.friends if seen["Hero"].issuperset(one)})


async def check_changes(links: Links, name: str, caller: Caller) -> None:
    """Compare all changes with the rules, and refusals with those without the hidden rows."""
    links.reset()
    refusals: list[tuple[Change, httpx.Response]] = []
    for change in changes():
        answer = await links.ask(caller, change.method, change.path, change.body)
        wanted = expected(links.rules, links.data, caller, change)
        after = links.stored(change.side.links)
        if wanted != (answer.status_code, after):
            found = f"{answer.status_code} {answer.text} {after} instead of {wanted}"
            links.found.append(f"{name} {change.method} {change.path} {change.body}: {found}")
        if after != getattr(links.data, change.side.links):
            links.reset()
        if answer.status_code != 200:
            refusals.append((change, answer))
    links.store(links.without_hidden(caller))
    for change, answer in refusals:
        other = await links.ask(caller, change.method, change.path, change.body)
        if (other.status_code, other.text) != (answer.status_code, answer.text):
            found = f"{answer.text} instead of {other.text}"
            links.found.append(f"{name} {change.method} {change.path} {change.body}: {found}")


READS = (
    *(f"/heroes/?include={one}&count=exact" for one in ("powers", "friends", "badges")),
    "/powers/?include=heroes&count=exact",
    *(f"/heroes/{key}?include=powers,badges" for key in KEYS),
    *(
        f"/{first}/{key}/{last}/?count=exact"
        for first, last in (side.path for side in SIDES)
        for key in (*KEYS, MISSING)
    ),
    *(f"/heroes/{key}/badges/?count=exact&limit=1" for key in KEYS),
    *(f"/badges/{key}/heroes/?count=exact" for key in (1, 2, MISSING)),
)


async def check_reads(links: Links, name: str, caller: Caller) -> None:
    """Compare reads with those of a database without the hidden rows and links."""
    found: list[list[tuple[str, int, str, Mapping[str, str | None]]]] = []
    for data in (links.data, links.without_hidden(caller)):
        links.store(data)
        found.append([])
        for path in READS:
            answer = await links.ask(caller, "GET", path)
            tags = {one: answer.headers.get(one) for one in ("etag", "link", "x-total-count")}
            found[-1].append((path, answer.status_code, answer.text, tags))
    both = zip(*found, strict=True)
    links.found += [f"{name} reads {one} instead of {other}" for one, other in both if one != other]


async def differences(
    package: Any,
    database: str,
    rules: Rules,
    *,
    seed: int = 0,
    short: bool = True,
    stops: bool = False,
) -> tuple[list[str], int]:
    """Send all requests as all callers; return the differences, and how many were sent."""
    return await collected(
        package,
        database,
        lambda client, tables: Links(client, tables, rules, guild(seed)),
        lambda links: (
            check(links, name, caller)
            for name, caller in CALLERS.items()
            for check in (check_reads, check_changes)
        ),
        short=short,
        stops=stops,
    )


def package_of(rules: Rules, mutation: Sequence[str] = ()) -> Any:
    return import_tree(mutated(render(load_texts(texts(rules), APP)), mutation))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(RULES))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_links_are_as_the_rules_say(kind: str, seed: int, new_database: NewDatabase) -> None:
    rules = random_rules(seed) if seed else OWN
    package = package_of(rules)
    try:
        found, count = asyncio.run(
            differences(package, new_database(kind), rules, seed=seed, short=seed % 2 == 0)
        )
        assert found == [], rules
        assert count > 300
    finally:
        unload(package)


CHANGES, STATEMENTS = "app/kit/access/link_changes.py", "app/kit/rows/link_statements.py"
MUTANTS: Mapping[str, Sequence[str]] = {
    "rules of the owner": (
        CHANGES,
        "return [lock, *self._update_check(self._owners, caller, key)]",
        "return [lock]",
    ),
    "rules of the row": (
        CHANGES,
        "row = [lock, *self._update_check(self._rows, caller, other)]",
        "row = [lock]",
    ),
    "side": (
        CHANGES,
        "if self._inverse:\n            return [Change(self._use.keep",
        "if False:\n            return [Change(self._use.keep",
    ),
    "replaced rows": (
        CHANGES,
        "changes.append(Change(denied,",
        "(lambda _: None)(Change(denied,",
    ),
    "owners": (STATEMENTS, "aliased_key(owner_key, owners,", "aliased_key(owner_key, ALL,"),
    "rows": (
        STATEMENTS,
        'aliased_key(self._key, rows, "row_"',
        'aliased_key(self._key, ALL, "row_"',
    ),
    "linked rows": (
        CHANGES,
        'row = [Change(self._use.keep_row, {"other__": other}, check=not_found)]',
        "row = []",
    ),
    "replacement": (
        STATEMENTS,
        "self._delete_links(is_other, self._is_link_to(self._removable))",
        "self._delete_links(is_other)",
    ),
    "links of entities": (
        "app/kit/access/collections.py",
        "if hides_links else found",
        "if False else found",
    ),
}
"""Changes of the kit that let something through: a file, an old text and a new one."""


@pytest.mark.long
@pytest.mark.parametrize("mutation", [*MUTANTS.values()][: None if RULES > 1 else 2])
def test_a_change_of_the_kit_is_found(mutation: Sequence[str], new_database: NewDatabase) -> None:
    package = package_of(OWN, mutation)
    try:
        found, _ = asyncio.run(differences(package, new_database("sqlite"), OWN, stops=True))
        assert found != []
    finally:
        unload(package)
