"""A body may repeat the reference of its row to a row that the caller cannot read."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.access.vocabulary import Asker, run

NewDatabase = Callable[[str], str]
APP = "auth: {roles: [editor], me: {id: int = sub}}\n"
OPERATIONS = "[create, list, read, update, replace, update_many]"


def spec(read: str) -> dict[str, str]:
    return {
        "team.yaml": f"""\
name: Team
fields: {{name: str}}
access: {{read: {read}, write: editor}}
""",
        "hero.yaml": f"""\
name: Hero
fields: {{name: str, team_id: -> Team?}}
api: {{operations: {OPERATIONS}}}
access: {{read: user, create: user, update: user}}
""",
    }


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("read", ["editor", "[editor, user if name = 'x']"])
def test_updates_repeat_hidden_references(kind: str, read: str, new_database: NewDatabase) -> None:
    run(APP, spec(read), new_database(kind), _updates)


async def _updates(asker: Asker) -> None:
    for name in ("first", "second"):
        await asker.row("POST /teams/", {"name": name}, roles=["editor"])
        await asker.row("POST /heroes/", {"name": name, "team_id": 1}, roles=["editor"])
    same: dict[str, Any] = {"name": "new", "team_id": 1}
    for method in ("PATCH", "PUT"):
        assert await asker.row(f"{method} /heroes/1", same) == {**same, "id": 1}
    bulk = [{"id": key, **same} for key in (2, 1)]
    assert [row["id"] for row in await asker.row("PATCH /heroes/bulk", bulk)] == [2, 1]
    for other in (2, 99):
        bulk = [{"id": 1, **same}, {"id": 2, **same, "team_id": other}]
        denied = await asker.ask("PATCH /heroes/bulk", bulk)
        assert (denied.status_code, len(denied.json()["detail"])) == (409, 1), denied.text
        assert denied.json()["detail"][0]["loc"] == ["body", 1, "team_id"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_impossible_keys_with_hidden_references(kind: str, new_database: NewDatabase) -> None:
    run(APP, spec("editor"), new_database(kind), _impossible_keys)


async def _impossible_keys(asker: Asker) -> None:
    body: dict[str, Any] = {"name": "new", "team_id": 1}
    for key in (2**63, -(2**63) - 1, 10**30):
        for method in ("PATCH", "PUT"):
            answer = await asker.ask(f"{method} /heroes/{key}", body)
            assert answer.status_code in {404, 409, 422}, answer.text
        answer = await asker.ask("PATCH /heroes/bulk", [{"id": key, **body}])
        assert answer.status_code in {404, 409, 422}, answer.text
