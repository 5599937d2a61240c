"""Rules about rows with keys of clients, and with the header Idempotency-Key."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.test_rules import SECRET, bearer
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

APP = "auth: {roles: [admin], me: {id: int = sub}}\n"
CARD = """\
name: Card
fields: {code: str(1..9) pk, text: str, owner_id: int?}
api:
  operations: [create, list, read, update, replace, delete, create_many]
  idempotency: true
access:
  read: [user if owner_id = me, admin]
  create: [user if owner_id = me or text = 'gift']
  update: [user if text != 'fixed', admin]
"""
Ask = Callable[..., Any]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_keys_and_repeated_requests(kind: str, new_database: Callable[[str], str]) -> None:
    package = import_tree(render(load_texts({"card.yaml": CARD}, APP)))
    try:
        asyncio.run(_run(package, new_database(kind)))
    finally:
        unload(package)


async def _run(package: Any, database: str) -> None:
    application = Application(package)
    async with application.running(database, auth_secret=SECRET) as app:
        client = AsgiClient(app)

        async def ask(who: int, method: str, path: str, json: Any = None, **headers: str) -> Any:
            roles = ["admin"] if who == 9 else []
            sent = bearer(roles, sub=str(who))
            sent |= {name.replace("_", "-"): one for name, one in headers.items()}
            return await client.request(method, f"/cards/{path}", json=json, headers=sent)

        await _check_put(ask)
        await _check_repeated(ask)


async def _check_put(ask: Ask) -> None:
    mine = {"code": "a", "text": "x", "owner_id": 1}
    answers = [
        (await ask(1, "PUT", "a", mine), 200),
        (await ask(1, "PUT", "a", mine | {"text": "y"}), 200),
        (await ask(1, "PUT", "a", mine, if_none_match="*"), 412),
        (await ask(1, "PUT", "n", mine | {"code": "n"}, if_match='"x"'), 412),
        (await ask(1, "PUT", "b", mine), 409),  # another key than in the path
        (await ask(1, "PUT", "b", mine | {"code": "b", "owner_id": 2}), 403),
        (await ask(2, "PUT", "a", {"code": "a", "text": "z", "owner_id": 1}), 403),
        (await ask(2, "PUT", "a", {"code": "a", "text": "z", "owner_id": 2}), 409),
        (await ask(2, "PATCH", "a", {"text": "z"}), 404),
        (await ask(2, "PUT", "g", {"code": "g", "text": "gift", "owner_id": 1}), 204),
        (await ask(9, "PUT", "a", mine | {"text": "fixed"}), 200),
        (await ask(9, "PUT", "new", mine | {"code": "new"}), 403),
        (await ask(1, "PUT", "a", mine), 403),
        (await ask(1, "PUT", "g", {"code": "g", "text": "mine", "owner_id": 3}), 204),
    ]
    assert [answer.status_code for answer, _ in answers] == [status for _, status in answers]
    taken, missing = answers[7][0].json(), await ask(1, "POST", "", mine)
    assert missing.status_code == 409
    assert taken == missing.json()
    stored = (await ask(9, "GET", "")).json()
    assert stored == [
        {"code": "a", "text": "fixed", "owner_id": 1},
        {"code": "g", "text": "mine", "owner_id": 3},
    ]


async def _check_repeated(ask: Ask) -> None:
    """Each caller has keys and responses of their own."""
    one, hidden = ({"code": code, "text": "gift", "owner_id": 1} for code in ("i", "j"))
    first = await ask(1, "POST", "", one, idempotency_key="k")
    again = await ask(1, "POST", "", one, idempotency_key="k")
    assert (first.status_code, again.status_code, again.text) == (200, 200, first.text)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert (await ask(2, "POST", "", one, idempotency_key="k")).status_code == 409
    assert (await ask(1, "POST", "", hidden, idempotency_key="k")).status_code == 422
    assert (await ask(2, "POST", "", one | {"text": "x"}, idempotency_key="f")).status_code == 403
    for replayed in (None, "true"):
        answer = await ask(2, "POST", "", hidden, idempotency_key="k")
        assert (answer.status_code, answer.text) == (204, "")
        assert answer.headers.get("idempotent-replayed") == replayed
    many = [{"code": code, "text": "x", "owner_id": 2} for code in "pq"]
    for _ in range(2):
        assert (await ask(2, "POST", "bulk", many, idempotency_key="m")).json() == many
    gifts = [row | {"code": f"{row['code']}2", "text": "gift"} for row in many]
    for _ in range(2):
        answer = await ask(3, "POST", "bulk", gifts, idempotency_key="m")
        assert answer.status_code == 204
    refused = await ask(3, "POST", "bulk", [gifts[0], many[0]], idempotency_key="r")
    assert refused.json()["detail"][0]["loc"] == ["body", 1]
