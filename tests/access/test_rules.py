"""Every operation and path answers each caller as the rules in the spec's text say.

`RULES=200` tests 200 random sets of rules.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
import jwt
import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.agency import APP, ROWS, Rules, random_rules, with_rules
from tests.access.asking import Expected, asks, expected
from tests.access.mutants import mutated
from tests.access.tables import tables_of
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

NewDatabase = Callable[[str], str]
RULES = int(os.environ.get("RULES", "1"))
SECRET = "known to this test and its application alone"  # noqa: S105
CALLERS: Mapping[str, Sequence[str] | None] = {
    "nobody": None,
    "user": [],
    "stranger": ["visitor", "anyone", "user", "nobody"],
    "editor": ["editor"],
    "hr": ["hr", "editors"],
    "both": ["editor", "hr"],
}
COUNTED: Sequence[Sequence[str] | None] = (None, [], [], ["editor"], ["hr"], ["editor", "hr"])
"""The roles of the callers that count."""
_TOKENS: dict[str, str] = {}


def bearer(roles: Sequence[str] | None, **claims: Any) -> dict[str, str]:
    if roles is None:
        return {}
    issued = {"sub": "7", "roles": [*roles]} | claims
    known = json.dumps(issued, sort_keys=True, default=str)
    if known not in _TOKENS:  # applications know a token that they have seen
        issued = {"exp": int(time.time()) + 6 * 3600, **issued}
        _TOKENS[known] = jwt.encode(issued, SECRET, "HS256")
    return {"authorization": f"Bearer {_TOKENS[known]}"}


def differs(answer: httpx.Response, wanted: Expected) -> str:
    """Return how a response differs from the expected one; empty if it does not."""
    if answer.status_code not in wanted.statuses:
        return f"{answer.status_code} instead of {wanted.statuses}"
    if answer.status_code == 204 and answer.content:
        return "204 with a body"
    if answer.status_code == 401 and "Bearer" not in answer.headers.get("www-authenticate", ""):
        return "401 without WWW-Authenticate"
    if wanted.loc is not None and answer.status_code in {403, 409}:
        first = answer.json()["detail"][0]
        kind = wanted.kind or "forbidden"
        if first["type"] != kind or first["loc"] != [*wanted.loc]:
            return f"{first} instead of {wanted}"
    return ""


async def differences(
    package: Any, database: str, rules: Rules, *, short: bool, stops: bool = False
) -> tuple[list[str], int]:
    """Send all requests as all callers; return the differences, and how many were sent.

    `stops` after the first difference.
    """
    application = Application(package)
    found, count = list[str](), 0
    async with application.running(database, auth_secret=SECRET, shortcut=short) as app:
        with tables_of(application, database) as tables:
            client = AsgiClient(app)
            tables.store(ROWS)
            kept, before = tables.keep(), tables.stored()
            for (name, sent), roles in zip(CALLERS.items(), COUNTED, strict=True):
                headers = bearer(sent)
                await client.get("/teams/", headers=headers)  # from now on, the token is known
                for ask in asks():
                    if stops and found:
                        return found, count
                    count += 1
                    wanted = expected(ask, rules, roles)
                    answer = await client.request(
                        ask.method, ask.path, json=ask.json, headers=headers | ask.headers
                    )
                    if difference := differs(answer, wanted):
                        found.append(f"{name} {ask.method} {ask.path} {ask.json}: {difference}")
                    if ask.method != "GET":
                        is_refused = wanted.statuses[0] in {401, 403, 409, 412, 422}
                        after = tables.stored()
                        if is_refused and after != before:
                            found.append(f"{name} {ask.method} {ask.path} {ask.json} changed rows")
                        if after != before or "Idempotency-Key" in ask.headers:
                            tables.restore(kept)
    return found, count


def package_of(rules: Mapping[str, str], mutation: Sequence[str] = ()) -> Any:
    """Import the application with these rules, with a change of its kit."""
    return import_tree(mutated(render(load_texts(with_rules(rules), APP)), mutation))


@pytest.mark.long
@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("seed", range(RULES))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_rules_decide(kind: str, seed: int, new_database: NewDatabase) -> None:
    rules = random_rules(seed)
    package = package_of(rules)
    try:
        database = new_database(kind)
        texts = with_rules(rules).values()
        for short in (True, False):
            found, count = asyncio.run(differences(package, database, Rules(texts), short=short))
            assert found == [], rules
            assert count > 800
    finally:
        unload(package)


VIEWS, COLLECTIONS = "app/kit/access/caller_view.py", "app/kit/access/collections.py"
LINKS = "app/kit/access/links.py"
BODIES, QUERIES = "app/kit/access/bodies.py", "app/kit/access/queries.py"
MUTANTS: Mapping[str, Sequence[str]] = {
    "related rows": (QUERIES, 'access.read.check(caller, ["query", parameter])', "pass"),
    "includes": (QUERIES, "in query.returned_models", "in ()"),
    "filters": (QUERIES, "in query.filters", "in ()"),
    "sort keys": (QUERIES, "in query.sort", "in ()"),
    "link tables": (
        *("app/kit/query/related_rows.py", "relation.model, relation.link", "(relation.model,)"),
    ),
    "owners": (
        *(COLLECTIONS, "guarded.owner.read.check(caller)", "pass"),
        *(COLLECTIONS, "owner.read, rows.access.read, *linked", "rows.access.read, *linked"),
    ),
    "links": (
        *(LINKS, "links.rows.access.read, links.permission)", "links.rows.access.read)"),
        *(LINKS, "owner.read, rows.access.read, self.permission", "owner.read, rows.access.read"),
    ),
    "link tables with rules": (
        *(COLLECTIONS, "guarded.via is not None", "False"),
        *(COLLECTIONS, "() if via is None else (via.read,)", "()"),
    ),
    "references": (BODIES, "value is not None and", "False and"),
    "keys": (BODIES, "if one.keys and", "if False and"),
    "children": (BODIES, "create.check(caller, where)", "create"),
    "references of children": (BODIES, "enumerate(one.created)", "enumerate([])"),
    "written rows": (
        *(VIEWS, "if not access.read.admits(caller):", "if False:"),
        *(VIEWS, "if bodies.are_readable(rows, caller):", "if True:"),
    ),
    "rows created by PUT": (VIEWS, "creates=creates", "creates=True"),
    "rows updated by PUT": (VIEWS, "updates=updates", "updates=True"),
    "other roles": (
        *("app/kit/access/caller.py", "roles.intersection(cls.__roles__)", "cls.__roles__"),
    ),
    "callers": ("app/kit/access/rules.py", "if self.is_open:", "if True:"),
}
"""Changes of the kit that let something through: files, each with an old text and a new one."""
LEAKY = {
    "Team": "{read: [editor, hr], create: editor, update: hr}",
    "Hero": "{read: hr, create: anyone, delete: hr}",
    "Power": "{read: user, create: editor, update: hr}",
    "Badge": "{read: user, write: hr}",
    "Award": "{create: user}",
    "Mission": "{read: user, create: editor}",
}
"""Rules under which each of these changes lets something through."""


@pytest.mark.long
@pytest.mark.parametrize("mutation", MUTANTS.values(), ids=MUTANTS)
def test_what_is_not_asked_for_is_found(mutation: Sequence[str], new_database: NewDatabase) -> None:
    package = package_of(LEAKY, mutation)
    try:
        rules = Rules(with_rules(LEAKY).values())
        running = differences(package, new_database("sqlite"), rules, short=True, stops=True)
        found, _ = asyncio.run(running)
        assert found != []
    finally:
        unload(package)
