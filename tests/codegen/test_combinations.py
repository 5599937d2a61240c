"""Capabilities that are used together: the application starts, and creates a row.

`COMBINATIONS=200 python -m pytest tests/codegen/test_combinations.py` is the extended run.
"""

import asyncio
import os
from collections.abc import Callable
from itertools import combinations
from random import Random
from typing import Any

import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.test_rules import SECRET, bearer
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

COMBINATIONS = int(os.environ.get("COMBINATIONS", "12"))
CAPABILITIES = (
    *("json", "relation", "include", "links", "keys", "bulk", "check"),
    *("create", "update", "events", "actions", "hooks of powers", "webhooks", "auth", "rules"),
    "export",
)
AUTH = "auth: {roles: [editor], me: {id: int = sub}}\n"
WEBHOOKS = "webhooks: {crm: {url: 'http://127.0.0.1:9/', events: [Hero.created]}}\n"
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of the documentation
RULES = "{owner: owner_id, read: user, create: user, update: owner, delete: owner}"
SOURCE = Random(5375)  # noqa: S311 - the same in each run
CHOSEN = [{one for one in CAPABILITIES if SOURCE.random() < 0.5} for _ in range(COMBINATIONS)]


def texts(chosen: set[str]) -> dict[str, str]:
    """Return the entities of a spec with some capabilities."""

    def given(text: str, *names: str) -> list[str]:
        return [text] if chosen.intersection(names) else []

    fields = ["name: str(1..40)", "age: int = 0", *given("notes: json?", "json")]
    fields += given("team_id: -> Team?", "relation", "include")
    fields += given("owner_id: int = me read_only", "rules")
    operations = "create, list, read, update, delete"
    operations += ", create_many, update_many, delete_many, replace" * ("bulk" in chosen)
    api = [f"operations: [{operations}]", *given("include: [team]", "include")]
    api += given("write: {powers: keys}", "keys")
    api += given("export: [csv, ndjson]", "export")
    hooks = [*given("create", "create"), *given("update, delete", "update")]
    hooks += given("on_create", "events")
    hero = ["name: Hero", f"fields: {{{', '.join(fields)}}}", f"api: {{{', '.join(api)}}}"]
    hero += [f"hooks: [{', '.join(hooks)}]"] if hooks else []
    hero += given("links: {powers: Power}", "links", "keys")
    hero += given("check: [age >= 0]", "check")
    hero += given("actions: {retire: {doc: Retire a hero., takes: {reason: str}}}", "actions")
    hero += given(f"access: {RULES if 'rules' in chosen else 'user'}", "rules", "auth")
    team = ["name: Team", "fields: {name: str}", *given("access: user", "rules", "auth")]
    power = ["name: Power", "fields: {name: str}", *given("hooks: [create]", "hooks of powers")]
    power += given("access: user", "rules", "auth")
    entities = {"hero": hero, "team": team, "power": power}
    return {f"{name}.yaml": "\n".join([*lines, ""]) for name, lines in entities.items()}


def test_each_two_are_used_together_and_apart() -> None:
    for one, other in combinations(CAPABILITIES, 2):
        assert len({(one in chosen, other in chosen) for chosen in CHOSEN}) == 4, (one, other)


@pytest.mark.long
@pytest.mark.parametrize("chosen", CHOSEN, ids=lambda one: ", ".join(sorted(one)))
def test_the_application_starts(chosen: set[str], new_database: Callable[[str], str]) -> None:
    has_callers, sends = chosen & {"auth", "rules"}, "webhooks" in chosen
    app_text = AUTH * bool(has_callers) + WEBHOOKS * sends
    package = import_tree(render(load_texts(texts(chosen), app_text or None)))
    application = Application(package)
    settings: dict[str, Any] = {"auth_secret": SECRET} if has_callers else {}
    settings |= {"webhook_crm_secret": WEBHOOK_SECRET, "webhooks": False} if sends else {}

    async def statuses() -> tuple[int, int]:
        async with application.running(new_database("sqlite"), **settings) as app:
            client = AsgiClient(app)
            headers = bearer([]) if has_callers else {}
            document = await client.request("GET", "/openapi.json")
            row = {"name": "Ann"}
            response = await client.request("POST", "/heroes/", json=row, headers=headers)
            listed = await client.request(
                "GET", "/heroes/", headers=headers | {"accept": "text/csv"}
            )
            is_file = listed.headers["content-type"].startswith("text/csv")
            assert is_file == ("export" in chosen), listed.text
            return document.status_code, response.status_code

    try:
        assert asyncio.run(statuses()) == (200, 200)
    finally:
        unload(package)
