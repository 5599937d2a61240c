"""Rows that rules hide have no influence on any response, also over relations.

Two databases differ only in rows that the caller cannot read. All responses have the same bytes and
headers: ETags, cursors, counts, errors. A row that is hidden in one is missing in the other. Only a
deletion tells that a hidden row refers to the deleted one: it is 409 in both.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import MetaData, text

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.mutants import mutated
from tests.access.test_hidden_rows import shown
from tests.access.test_rules import SECRET, bearer
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

APP = "auth: {me: {id: int = sub}, roles: [editor]}"
SPECS = {
    "team.yaml": """\
name: Team
fields: {name: str index, open: bool}
access:
  read: [user if open = true, editor]
  create: user
  update: [user if open = true, editor]
  delete: [user if open = true, editor]
api:
  include: [heroes, heroes__prizes]
  related: [heroes__any__name, heroes__any__age]
  nested: [heroes]
  counts: [heroes]
""",
    "hero.yaml": """\
name: Hero
fields:
  name: str index
  age: int? index
  owner_id: int = me index
  team_id: -> Team?
  boss_id: -> Hero? set_null inverse(minions)
access: {owner: owner_id, read: [owner, editor], write: [owner, editor]}
api:
  include: [team, boss, minions, prizes]
  related: [team__name, boss__name, minions__any__age]
  search: [name]
  counts: [minions]
""",
    "prize.yaml": """\
name: Prize
fields: {name: str, hero_id: -> Hero}
access:
  read: [user if hero.team.open = true, editor]
  create: [user if hero.owner_id = me, editor]
  update: editor
api: {include: [hero, hero__team], related: [hero__name, hero__team__name]}
""",
}
Rows = Mapping[str, Sequence[tuple[Any, ...]]]
VISIBLE: Rows = {
    "team": [(1, "a", True), (3, "c", True)],
    "hero": [(1, "a", 30, 7, 1, None), (2, "b", 20, 7, 2, 12), (3, "c", None, 7, None, 1)],
    "prize": [(1, "a", 1)],
}
"""All that the caller 7 can read. Their references lead to hidden rows too."""
FIRST: Rows = {
    "team": [(2, "b", False), (12, "a", False)],
    "hero": [(12, "a", 30, 8, 3, None)],
    "prize": [(12, "x", 2)],
}
SECOND: Rows = {
    "team": [(2, "other", False), (4, "a", False), (12, "z", False)],
    "hero": [(11, "a", 30, 8, 1, 1), (10, "c", 99, 9, 1, 3), (12, "y", None, 8, 3, 1)],
    "prize": [(2, "a", 2), (3, "b", 2), (12, "c", 2)],
}
SOURCE = "        if condition is None and not masks:\n            return"
MUTANTS = {
    "none": (),
    "related rows are all rows": (
        *("app/kit/query/visibility.py", SOURCE),
        SOURCE.replace("condition is None and not masks", "condition is None or not masks"),
    ),
}


def requests() -> Iterator[tuple[str, str, Any]]:
    """Yield requests: the method, the path and the body."""
    queries = {
        "/teams/": [
            "include=heroes",
            "include=heroes__prizes&heroes__limit=4",
            "heroes__any__name=a",
        ],
        "/heroes/": ["include=team,boss,minions,prizes", "team__name=b", "boss__name=a", "q=a"],
        "/prizes/": ["include=hero__team", "hero__name=a", "sort=-hero__name"],
    }
    queries["/teams/"] += ["heroes__none__age=30", "heroes__exists=true", "heroes__exists=false"]
    queries["/heroes/"] += ["sort=team__name", "sort=-boss__name,-id", "minions__any__age=99"]
    queries["/heroes/"] += ["minions__exists=true", "boss_id__isnull=false", "age__gte=1"]
    queries["/prizes/"] += ["hero__team__name=z", "sort=hero__team__name"]
    for path, found in queries.items():
        for query in ("", *found):
            yield "GET", f"{path}?{query}&count=exact", None
            yield "GET", f"{path}?{query}&limit=1&cursor=", None
        for key in (1, 2, 3, 4, 10, 11):
            yield "GET", f"{path}{key}", None
            yield "GET", f"{path}{key}?{found[0]}", None
    for key in (1, 4):
        yield "GET", f"/teams/{key}/heroes/?include=boss&count=exact", None
        yield "POST", f"/teams/{key}/heroes/", {"name": "new"}
    for key in (3, 4, 11):
        yield "PATCH", f"/heroes/{key}", {"team_id": 4}
        yield "PATCH", f"/heroes/{key}", {"boss_id": 11}
        yield "PATCH", f"/heroes/{key}", {"name": "d"}
        yield "POST", "/prizes/", {"name": "p", "hero_id": key}
        yield "DELETE", f"/teams/{key}", None
        yield "DELETE", f"/heroes/{key}", None
        yield "PATCH", f"/prizes/{key}", {"name": "q"}
    yield "POST", "/heroes/", {"name": "e", "team_id": 4}
    yield "POST", "/heroes/", {"name": "e", "boss_id": 11}
    yield "GET", "/heroes/?include=team,boss,minions&count=exact", None
    yield "GET", "/openapi.json", None


COLUMNS = {
    "team": ("id", "name", "open"),
    "hero": ("id", "name", "age", "owner_id", "team_id", "boss_id"),
    "prize": ("id", "name", "hero_id"),
}


def insert(application: Application, database: str, hidden: Rows) -> None:
    with application.engine(database).begin() as connection:
        metadata = MetaData()
        metadata.reflect(connection)
        for name, columns in COLUMNS.items():
            table = metadata.tables[name]
            rows = [dict(zip(columns, row, strict=True)) for row in (*VISIBLE[name], *hidden[name])]
            without = [{key: row[key] for key in columns if key != "boss_id"} for row in rows]
            connection.execute(table.insert(), without)
            for row in rows if name == "hero" else ():
                changed = table.update().where(table.c.id == row["id"])
                connection.execute(changed.values(boss_id=row["boss_id"]))
            if connection.dialect.name == "postgresql":
                sequence = f"pg_get_serial_sequence('{name}', 'id')"
                connection.execute(text(f"SELECT setval({sequence}, 100)"))


async def answers(application: Application, database: str, hidden: Rows) -> list[tuple[Any, ...]]:
    async with application.running(database, auth_secret=SECRET, secret_key=SECRET) as app:
        insert(application, database, hidden)
        client, headers = AsgiClient(app), bearer([])
        return [
            shown(await client.request(method, path, json=body, headers=headers))
            for method, path, body in requests()
        ]


@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("mutation", MUTANTS.values(), ids=MUTANTS)
def test_hidden_related_rows_have_no_influence(
    kind: str, mutation: Sequence[str], new_database: Callable[[str], str]
) -> None:
    package = import_tree(mutated(render(load_texts(SPECS, APP)), mutation))
    try:
        application = Application(package)
        first, second = (
            asyncio.run(answers(application, new_database(kind), hidden))
            for hidden in (FIRST, SECOND)
        )
        found = [
            f"{method} {path}: {one} {other}"
            for (method, path, _), one, other in zip(requests(), first, second, strict=True)
            if one != other
        ]
        if mutation:
            assert len(found) > 10
        else:
            assert found == []
            assert {one[0] for one in first} == {200, 204, 403, 404, 409}
    finally:
        unload(package)
