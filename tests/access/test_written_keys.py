"""Keys of links in request bodies are written and returned as rules about rows say.

`RULES=40` tests 40 random sets of rules.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import httpx
import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.comparing import collected
from tests.access.guild import APP, CALLERS, KEYS, OWN, Caller, Rules, guild
from tests.access.keyed import NEW, SIDES, Ask, asks, expected, rules_of, texts
from tests.access.linking import Pairs
from tests.access.mutants import mutated
from tests.access.test_links import Links
from tests.access.vocabulary import Asker, run

pytestmark = pytest.mark.long

NewDatabase = Callable[[str], str]
RULES = int(os.environ.get("RULES", "1"))
STEP = 1 if RULES > 1 else 6
"""The caller `one` sends all requests, others only each sixth in the short form."""
NAMES = [side.name for side in SIDES]


class Keys(Links):
    """An application whose request bodies have keys, and what is wrong with its responses."""

    may_refuse_otherwise = False
    """Whether a request that several rules refuse may be refused by another one."""

    async def send(self, caller: Caller, ask: Ask) -> httpx.Response:
        return await self.ask(caller, ask.method, ask.path, ask.body)

    async def check(self, name: str, caller: Caller, ask: Ask) -> httpx.Response:
        """Compare a response, and the links afterwards, with the rules."""
        wanted = expected(self.rules, self.data, caller, ask)
        answer = await self.send(caller, ask)
        rows = _rows(answer) if answer.status_code == 200 else []
        new = {row["id"]: NEW + index for index, row in enumerate(rows)} if ask.is_new else {}
        place = None
        if answer.status_code in {403, 409}:
            place = answer.json()["detail"][0]["loc"] or None
        links: Mapping[str, Pairs] = {
            one: self.renamed(ask, one, new) for one in ("powers", "friends")
        }
        shown = [{one: row[one] for one in NAMES if one in row} for row in rows]
        if ask.is_new and wanted.status == 204:
            links = wanted.links  # the keys of the new rows are unknown
        status, where = wanted.status, wanted.place if wanted.status in {403, 409} else None
        if self.may_refuse_otherwise and {status, answer.status_code} <= {403, 409}:
            status, where = answer.status_code, place
        if (answer.status_code, place, links, shown) != (
            status,
            where,
            wanted.links,
            [*wanted.shown],
        ):
            text = f"{answer.status_code} {answer.text} {links}"
            self.found.append(f"{name} {ask}: {text} instead of {wanted}")
        return answer

    def renamed(self, ask: Ask, name: str, new: Mapping[int, int]) -> Pairs:
        """Return the stored links, with the keys that stand for those of new rows."""
        found = self.stored(name)
        hero, power = (new, {}) if ask.entity == "Hero" else ({}, new)
        other = power if name == "powers" else {}
        return {(hero.get(one, one), other.get(two, two)) for one, two in found}


def _rows(answer: httpx.Response) -> list[dict[str, Any]]:
    found = answer.json()
    return found if isinstance(found, list) else [found]


def _told(answer: httpx.Response, *, is_new: bool = False) -> tuple[Any, ...]:
    """Return what a response tells, without the keys of new rows."""
    if not (is_new and answer.status_code == 200):
        return answer.status_code, answer.text, answer.headers.get("etag")
    return answer.status_code, [{**row, "id": 0} for row in _rows(answer)]


READS = ("/heroes/", "/powers/?count=exact", *(f"/heroes/{key}" for key in KEYS))


async def check_keys(keys: Keys, name: str, caller: Caller, sent: Sequence[Ask]) -> None:
    """Compare all requests with the rules, and with those to a database without hidden rows."""
    answers: list[tuple[Ask, httpx.Response]] = []
    keys.reset()
    read = [_told(await keys.ask(caller, "GET", path)) for path in READS]
    for ask in sent:
        keys.reset()
        answers.append((ask, await keys.check(name, caller, ask)))
    visible = keys.without_hidden(caller)
    keys.store(visible)
    kept = keys.tables.keep()
    for path, first in zip(READS, read, strict=True):
        other = _told(await keys.ask(caller, "GET", path))
        if first != other:
            keys.found.append(f"{name} {path}: {first} instead of {other}")
    for ask, answer in answers:
        keys.tables.restore(kept)
        both = [_told(one, is_new=ask.is_new) for one in (answer, await keys.send(caller, ask))]
        if both[0] != both[1]:
            keys.found.append(f"{name} {ask}: {both[0]} instead of {both[1]}")


async def differences(
    package: Any,
    database: str,
    rules: Rules,
    *,
    seed: int = 0,
    short: bool = True,
    stops: bool = False,
    of: type[Keys] = Keys,
    thinned: int = 1,
) -> tuple[list[str], int]:
    """Send all requests as all callers; return the differences, and how many were sent."""

    def checks(keys: Keys) -> Iterator[Awaitable[None]]:
        for name, caller in CALLERS.items():
            sent = [*asks(keys.data)][:: 1 if name == "one" else STEP][::thinned]
            yield check_keys(keys, name, caller, sent)

    return await collected(
        package,
        database,
        lambda client, tables: of(client, tables, rules, guild(seed)),
        checks,
        short=short,
        stops=stops,
    )


def package_of(rules: Rules, mutation: Sequence[str] = ()) -> Any:
    return import_tree(mutated(render(load_texts(texts(rules), APP)), mutation))


@pytest.mark.parametrize("seed", range(RULES))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_keys_are_as_the_rules_say(kind: str, seed: int, new_database: NewDatabase) -> None:
    rules = rules_of(seed)
    package = package_of(rules)
    try:
        found, count = asyncio.run(
            differences(package, new_database(kind), rules, seed=seed, short=seed % 2 == 0)
        )
        assert found == [], rules
        assert count > 350
    finally:
        unload(package)


ROLES = {
    "hero.yaml": """\
name: Hero
fields: {name: str(1..20)}
links: {powers: Power}
access: {read: user, create: editor, update: editor}
api: {operations: [create, list, read, update], write: {powers: keys}}
""",
    "power.yaml": """\
name: Power
fields: {name: str(1..20), owner_id: int = me}
access:
  owner: owner_id
  read: user
  create: user
  update: user
  delete: owner
api: {operations: [create, list, read, update, replace], idempotency: true, write: {heroes: keys}}
""",
}


def test_links_belong_to_the_entity_that_declares_them(new_database: NewDatabase) -> None:
    async def check(asker: Asker) -> None:
        await asker.row("POST /heroes/", {"name": "h"}, roles=["editor"])
        power = {"name": "p", "hero_ids": [1]}

        async def refusal(request: str, body: Any) -> Any:
            answer = await asker.ask(request, body)
            (one,) = answer.json()["detail"]
            assert one["msg"] == "To update rows of Hero, a caller needs the role editor"
            return answer.status_code, one["loc"]

        assert await refusal("POST /powers/", power) == (403, ["body", "hero_ids", 0])
        assert await asker.row("GET /powers/") == []
        for _ in range(2):
            key = {"Idempotency-Key": "one"}
            row = await asker.row("POST /powers/", power, roles=["editor"], headers=key)
            assert row["hero_ids"] == [1]
        assert (await asker.row("POST /powers/", {"name": "p"}))["hero_ids"] == []
        path = f"powers/{row['id']}"
        bodies: list[dict[str, Any]] = [{"hero_ids": []}, {"name": "q", "hero_ids": []}]
        for sent in bodies:
            assert await refusal(f"PATCH /{path}", sent) == (403, ["body", "hero_ids"])
        assert await refusal(f"PUT /{path}", {"name": "q"}) == (403, ["body", "hero_ids"])
        assert await asker.row(f"GET /{path}") == row
        changed = await asker.row(f"PUT /{path}", power | {"name": "q"})
        assert changed == row | {"name": "q"}
        tag = {"If-Match": (await asker.ask(f"GET /{path}")).headers["etag"]}
        answer = await asker.ask(f"PATCH /{path}", bodies[0], roles=["editor"], headers=tag)
        assert (answer.status_code, answer.json()["hero_ids"]) == (200, [])
        assert (await asker.ask(f"GET /{path}")).headers["etag"] == answer.headers["etag"]

    run(APP.replace("admin", "admin, editor"), ROLES, new_database("sqlite"), check)


def test_a_denied_link_is_logged(
    new_database: NewDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    rules = "update: [user if name = 'mine']"
    spec = {**ROLES, "hero.yaml": ROLES["hero.yaml"].replace("update: editor", rules)}

    async def check(asker: Asker) -> None:
        for name in ("mine", "other"):
            await asker.row("POST /heroes/", {"name": name}, roles=["editor"])
        await asker.row("POST /powers/", {"name": "p", "hero_ids": [1]})
        caplog.set_level("INFO")
        answer = await asker.ask("POST /powers/", {"name": "p", "hero_ids": [1, 2]})
        (one,) = answer.json()["detail"]
        assert one["loc"] == ["body", "hero_ids", 1]
        assert one["msg"].startswith("To update this row of Hero, a rule must hold: user if name")
        assert (
            "may not update row 2 of Hero: user if name = 'mine' [name = 'mine': NO]" in caplog.text
        )

    run(APP.replace("admin", "editor"), spec, new_database("sqlite"), check)


BATCHES, WRITES = "app/kit/rows/link_batches.py", "app/kit/rows/key_writes.py"
MUTANTS: Mapping[str, Sequence[str]] = {
    "unlinked rows": (
        BATCHES,
        "where(self._is_removed, is_denied(far))",
        "where(false())",
    ),
    "hidden rows": (BATCHES, 'row_key = aliased_key(stored_key, rows, "row_", kind)', "pass"),
    "hidden links": (
        BATCHES,
        "and_(is_of_owner, ~is_kept, is_visible)",
        "and_(is_of_owner, ~is_kept)",
    ),
    "read links": (BATCHES, "where(is_of_owner, is_visible)", "where(is_of_owner)"),
    "linked rows": (BATCHES, "where(is_new, is_denied(other))", "where(false())"),
    "rows of new rows": (BATCHES, "where(key.in_(sent), is_denied(key))", "where(false())"),
    "side": (WRITES, "if not use.are_guarded:", "if True:"),
    "first key": (WRITES, "= min(denied)", "= max(denied)"),
    "links of a replacement": (
        "app/kit/access/row_view.py",
        '["body"])], replaces=True)',
        '["body"])])',
    ),
}
"""Changes of the kit that let something through: files, each with an old text and a new one."""


@pytest.mark.long
@pytest.mark.parametrize("mutation", [*MUTANTS.values()][: None if RULES > 1 else 1])
def test_a_change_of_the_kit_is_found(mutation: Sequence[str], new_database: NewDatabase) -> None:
    if "false()" in mutation[2]:
        mutation = [*mutation, BATCHES, "    delete,\n", "    delete,\n    false,\n"]
    package = package_of(OWN, mutation)
    try:
        found, _ = asyncio.run(differences(package, new_database("sqlite"), OWN, stops=True))
        assert found != []
    finally:
        unload(package)


WITH_ADMIN = "auth: {roles: [admin], me: {id: int = sub}}\n"
OPENED = {
    "hero.yaml": """\
name: Hero
fields: {name: str, main_id: "-> Power? inverse(mains)"}
links: {powers: Power}
api: {write: {powers: keys}}
access: {read: [user if main.open, admin], create: admin, update: admin}
""",
    "power.yaml": """\
name: Power
fields: {name: str, open: bool = false}
api: {operations: [create, list, read, update, replace, update_many], write: {heroes: keys}}
access: {read: user, create: user, update: user}
""",
}
"""An update of a power can show heroes."""
OWNED = {
    "hero.yaml": """\
name: Hero
fields: {name: str, owner_id: int}
links: {powers: Power}
api: {operations: [create, list, read, update, replace, update_many], write: {powers: keys}}
access: {read: user, create: user, update: user}
""",
    "power.yaml": """\
name: Power
fields: {name: str, of_id: "-> Hero? inverse(own)"}
access: {read: [user if of.owner_id = me, admin], write: admin}
""",
}
"""An update of a hero can show or hide powers."""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_links_to_rows_that_an_update_shows_stay(kind: str, new_database: NewDatabase) -> None:
    async def check(asker: Asker) -> None:
        power = {"name": "p"}
        await asker.row("POST /powers/", power, roles=["admin"])
        hero = {"name": "h", "main_id": 1, "power_ids": [1]}
        await asker.row("POST /heroes/", hero, roles=["admin"])
        opened = power | {"open": True, "hero_ids": []}
        for request, body in (
            ("PATCH /powers/1", opened),
            ("PUT /powers/1", power | {"open": True}),
            ("PATCH /powers/bulk", [opened | {"id": 1}]),
        ):
            assert await asker.status(request, body) == 200
            read = await asker.row("GET /powers/1")
            assert (read["open"], read["hero_ids"]) == (True, [1])
            assert await asker.status("PATCH /powers/1", {"hero_ids": []}) == 403
            assert await asker.status("PATCH /powers/1", {"open": False}) == 200

    run(WITH_ADMIN, OPENED, new_database(kind), check)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_links_to_rows_that_an_update_hides_are_replaced(
    kind: str, new_database: NewDatabase
) -> None:
    async def check(asker: Asker) -> None:
        await asker.row("POST /heroes/", {"name": "h", "owner_id": 1})
        for name in "ab":
            await asker.row("POST /powers/", {"name": name, "of_id": 1}, roles=["admin"])
        for request, body in (
            ("PATCH /heroes/1", {"owner_id": 2, "power_ids": [2]}),
            ("PUT /heroes/1", {"name": "h", "owner_id": 2, "power_ids": [2]}),
            ("PATCH /heroes/bulk", [{"id": 1, "owner_id": 2, "power_ids": [2]}]),
        ):
            await asker.row("PATCH /heroes/1", {"power_ids": [1]})
            await asker.row(request, body)
            read = await asker.row("GET /heroes/1", roles=["admin"])
            assert (read["owner_id"], read["power_ids"]) == (2, [2])
            await asker.row("PATCH /heroes/1", {"owner_id": 1, "power_ids": []})
            read = await asker.row("GET /heroes/1", roles=["admin"])
            assert read["power_ids"] == [2], "hidden when it was sent"

    run(WITH_ADMIN, OWNED, new_database(kind), check)
