"""PUT writes the row, whatever runs for other operations: a function, or work after the commit."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

pytestmark = pytest.mark.long

DEAL = """\
name: Deal
fields: {title: str, note: str = none}
api: {operations: [create, read, replace], etag: required}
"""
TEXT_KEY = """\
name: Deal
fields: {code: str(1..9) pk, title: str, note: str = none}
api: {operations: [read, replace]}
"""
STEP = "name: Step\nfields: {text: str, deal_id: -> Deal cascade}\n"
CREATE = '''
from ..kit.hooks import Transaction
from .models import Deal, DealCreate


def create(tx: Transaction, deal: DealCreate) -> Deal:
    """Create a deal."""
    return tx.create(Deal, deal)
'''
ON_CREATE = '''
from ..kit.events import Event


async def on_create(event: Event) -> None:
    """Do nothing."""
'''
WEBHOOK = "webhooks: {crm: {events: [Deal.created], url: https://example.com/x}}\n"


@dataclass(frozen=True)
class Case:
    """A spec in which no function runs for PUT, and its files hooks.py by folder."""

    entities: Mapping[str, str]
    hooks: Mapping[str, str]
    app: str | None = None
    key: str | int = 1

    def package(self) -> Any:
        """Import the application."""
        tree = {**render(load_texts(dict(self.entities), self.app))}
        tree |= {f"app/{folder}/hooks.py": text for folder, text in self.hooks.items()}
        return import_tree(tree)


CASES = {
    "function": Case({"deal.yaml": DEAL + "hooks: [create]\n"}, {"deals": CREATE}),
    "after the commit": Case({"deal.yaml": DEAL + "hooks: [on_create]\n"}, {"deals": ON_CREATE}),
    "keys of clients": Case(
        {"deal.yaml": TEXT_KEY + "hooks: [create]\n"}, {"deals": CREATE}, key="a"
    ),
    "webhook": Case({"deal.yaml": DEAL}, {}, WEBHOOK),
    "function of another": Case(
        {
            "deal.yaml": DEAL.replace("etag", "write: {steps: create}, etag"),
            "step.yaml": STEP + "hooks: [on_create]\n",
        },
        {"steps": ON_CREATE},
    ),
}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_put_without_a_function_replaces_the_row(
    kind: str, case: Case, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_CRM_SECRET", "whsec_" + "c2VjcmV0" * 4)
    package = case.package()

    async def test(client: AsgiClient) -> None:
        path, sent = f"/deals/{case.key}", {"title": "old", "note": "kept"}
        if case.key == "a":
            sent["code"] = "a"
            made = await client.request("PUT", path, json=sent)
        else:
            made = await client.request("POST", "/deals/", json=sent)
        assert made.is_success, made.text
        tag = {"if-match": (await client.request("GET", path)).headers["etag"]}
        new = {**sent, "title": "new"}
        put = await client.request("PUT", path, json=new, headers=tag)
        assert put.status_code == 200, put.text
        read = await client.request("GET", path)
        assert read.content == put.content
        assert (read.json()["title"], read.headers["etag"]) == ("new", put.headers["etag"])
        late = await client.request("PUT", path, json=sent, headers=tag)
        assert late.status_code == 412
        assert (await client.request("GET", path)).content == read.content

    async def running(database: str) -> None:
        async with Application(package).running(database) as app:
            await test(AsgiClient(app))

    try:
        asyncio.run(running(new_database(kind)))
    finally:
        unload(package)
