"""Keys of links under rules about rows, where clients choose keys, and for keys of each type."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.access.vocabulary import Asker, run

NewDatabase = Callable[[str], str]
APP = "auth: {roles: [admin], me: {id: int = sub}}\nnames: {json: camelCase, columns: PascalCase}\n"
HERO = """\
name: Hero
fields: {number: int pk, owner_id: int = me, team_id: -> Team?}
links: {powers: Power, friends: {to: Hero, inverse: fans}}
access:
  owner: owner_id
  read: [owner, admin]
  create: user
  update: [owner, admin]
  delete: admin
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many]
  idempotency: true
  write: {powers: keys, friends: keys}
"""
POWER = """\
name: Power
fields: {code: str(1..9) pk, secret: bool = false}
links: {badges: Badge}
access: {read: [user if not secret, admin], create: admin, update: [user if code != 'fix', admin]}
api:
  operations: [create, list, read, update, replace, create_many]
  write: {heroes: keys, badges: keys}
"""
BADGE = """\
name: Badge
fields: {id: uuid pk, owner_id: int = me}
access: {owner: owner_id, read: [owner, admin], create: user, update: [owner, admin]}
api:
  operations: [create, list, read, update, create_many, update_many]
  write: {powers: keys}
"""
TEAM = """\
name: Team
fields: {name: str(1..9)}
access: user
api: {nested: [heroes]}
"""
SPEC = {"hero.yaml": HERO, "power.yaml": POWER, "badge.yaml": BADGE, "team.yaml": TEAM}
ADMIN: dict[str, Any] = {"by": 9, "roles": ["admin"]}


async def refusal(asker: Asker, request: str, body: Any, **caller: Any) -> Any:
    answer = await asker.ask(request, body, **caller)
    return answer.status_code, answer.json()["detail"][0]["loc"]


async def check_own_table(asker: Asker) -> None:
    """Link new rows to themselves, and to rows of other callers."""
    row = await asker.row("POST /heroes/", {"number": 1, "friendNumbers": [1]})
    assert (row["friendNumbers"], row["powerCodes"]) == ([1], [])
    new = [{"number": 2, "friendNumbers": [1, 2, 3]}, {"number": 3, "powerCodes": ["see"]}]
    rows = await asker.row("POST /heroes/bulk", new)
    assert [one["friendNumbers"] for one in rows] == [[1, 2, 3], []]
    assert await asker.status("POST /heroes/", {"number": 4, "ownerId": 2}) == 204
    for number in (4, 99):
        body = {"number": 5, "friendNumbers": [1, number]}
        place = 409, ["body", "friendNumbers", 1]
        assert await refusal(asker, "POST /heroes/", body) == place
        assert await refusal(asker, "PUT /heroes/5", body) == place
        assert await refusal(asker, "POST /teams/1/heroes/", body) == place
        many = [{"number": 6}, body]
        place = 409, ["body", 1, "friendNumbers", 1]
        assert await refusal(asker, "POST /heroes/bulk", many) == place
    other = {"number": 5, "ownerId": 2, "friendNumbers": [5]}
    assert (await refusal(asker, "POST /heroes/", other))[0] == 409
    assert (await refusal(asker, "POST /heroes/bulk", [other]))[0] == 409
    row = await asker.row("POST /teams/1/heroes/", {"number": 7, "powerCodes": ["fix", "see"]})
    assert (row["powerCodes"], row["teamId"]) == (["fix", "see"], 1)
    answer = await asker.ask("PUT /heroes/8", {"number": 8, "friendNumbers": [8, 7]})
    assert (answer.status_code, answer.json()["friendNumbers"]) == (200, [7, 8])
    assert "location" not in answer.headers
    read = await asker.ask("GET /heroes/8", headers={"If-None-Match": answer.headers["etag"]})
    assert read.status_code == 304
    await asker.row("PATCH /heroes/8", {"friendNumbers": [4, 8]}, **ADMIN)
    row = await asker.row("PUT /heroes/8", {"number": 8, "friendNumbers": [7]})
    assert row["friendNumbers"] == [7]
    assert (await asker.row("GET /heroes/8", **ADMIN))["friendNumbers"] == [4, 7]


async def check_other_side(asker: Asker) -> None:
    """Change links that belong to the rows whose keys a body has."""
    badges = [(await asker.row("POST /badges/", {}, by=by))["id"] for by in (1, 1, 2)]
    mine = sorted(badges[:2])
    row = await asker.row("PATCH /powers/see", {"badgeIds": mine})
    assert row["badgeIds"] == mine
    for key in (badges[2], str(UUID(int=7))):
        body = {"badgeIds": [mine[0], key]}
        found = await refusal(asker, "PATCH /powers/see", body)
        assert found == (409, ["body", "badgeIds", 1])
    await asker.row("PATCH /powers/see", {"badgeIds": badges}, **ADMIN)
    assert (await asker.row("PATCH /powers/see", {"badgeIds": mine[:1]}))["badgeIds"] == mine[:1]
    every = (await asker.row("GET /powers/see", **ADMIN))["badgeIds"]
    assert every == sorted([mine[0], badges[2]])
    path = f"badges/{mine[0]}"
    for sent, place in (
        (["see", "fix"], ["powerCodes", 1]),
        (["secret", "see"], ["powerCodes", 0]),
        (["é"], ["powerCodes", 0]),
    ):
        status = 403 if "fix" in sent else 409
        found = await refusal(asker, f"PATCH /{path}", {"powerCodes": sent})
        assert found == (status, ["body", *place])
        many = [{"id": mine[1]}, {"id": mine[0], "powerCodes": sent}]
        found = await refusal(asker, "PATCH /badges/bulk", many)
        assert found == (status, ["body", 1, *place])
    await asker.row(f"PATCH /{path}", {"powerCodes": ["fix", "see"]}, **ADMIN)
    found = await refusal(asker, f"PATCH /{path}", {"powerCodes": ["see"]})
    assert found == (403, ["body", "powerCodes"])
    changed = await asker.row(f"PATCH /{path}", {"powerCodes": ["fix"]})
    assert changed["powerCodes"] == ["fix"]
    rows = await asker.row("POST /badges/bulk", [{"powerCodes": ["see"]}, {}])
    assert [one["powerCodes"] for one in rows] == [["see"], []]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_keys_of_each_type(kind: str, new_database: NewDatabase) -> None:
    async def check(asker: Asker) -> None:
        await asker.row("POST /teams/", {"name": "Reds"})
        for code in ("see", "fix", "secret"):
            power = {"code": code, "secret": code == "secret"}
            await asker.row("POST /powers/", power, **ADMIN)
        await check_own_table(asker)
        await check_other_side(asker)

    run(APP, SPEC, new_database(kind), check)
