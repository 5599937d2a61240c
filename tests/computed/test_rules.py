"""Computed properties under rules: they are computed from the values that the caller sees."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crudgen.delivery.memory import unload
from tests.access.vocabulary import Asker, serving
from tests.hooks.city import package_of

pytestmark = pytest.mark.long

APP = "auth: {roles: [hr], me: {id: int = sub}}\n"
ENTITIES = {
    "hero.yaml": """\
name: Hero
fields:
  name: str
  salary: int?
  rank: str? = low
  open: bool = true
  owner_id: int = me
  team_id: -> Team?
  pay: int? computed
  grade: str computed
  mates: int computed
access:
  owner: owner_id
  read: [user if open = true, owner, hr]
  create: user
  update: [user if open = true, owner]
  fields: {salary: {read: [owner, hr]}, rank: {read: hr, write: user}}
actions: {praise: {}}
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many]
  include: [team]
  related: [team__twice]
  idempotency: true
""",
    "team.yaml": """\
name: Team
fields: {name: str, budget: int?, score: float = 1.5, lead_id: int = me, twice: int? computed}
access:
  read: user
  write: user
  fields: {budget: {read: user if lead_id = me}}
api:
  include: [heroes]
  nested: [heroes]
  related: [heroes__any__pay, heroes__any__grade]
""",
}
HEROES = '''\
"""What happens with heroes."""

from sqlalchemy import SQLColumnExpression, func, literal, select
from sqlmodel import col

from ..caller import Caller
from ..kit.hooks import Transaction
from .models import Hero


def praise(tx: Transaction[Caller], hero: Hero) -> Hero:
    """Praise a hero."""
    return hero


def pay(hero: type[Hero]) -> SQLColumnExpression[int | None]:
    """Return the salary of two years."""
    return col(hero.salary) * 2


def grade(hero: type[Hero]) -> SQLColumnExpression[str]:
    """Return the rank; none without one."""
    return func.coalesce(col(hero.rank), literal("none"))


def mates(hero: type[Hero]) -> SQLColumnExpression[int]:
    """Return the number of heroes in the team, also of those that the caller does not read."""
    mate = Hero.__table__.alias("mate")
    same = mate.c.team_id == col(hero.team_id)
    return select(func.count()).select_from(mate).where(same).scalar_subquery()
'''
TEAMS = '''\
"""What happens with teams."""

from sqlalchemy import SQLColumnExpression
from sqlmodel import col

from .models import Team


def twice(team: type[Team]) -> SQLColumnExpression[int | None]:
    """Return two times the budget."""
    return col(team.budget) * 2
'''
BADGE = """\
name: Badge
fields: {name: str, rank: int?, level: int? computed, kind: str computed}
access: {read: user, create: user, fields: {rank: {read: hr}}}
"""
BADGES = '''\
"""Computed properties of badges."""

from sqlalchemy import SQLColumnExpression, literal
from sqlmodel import col

from .models import Badge


def level(badge: type[Badge]) -> SQLColumnExpression[int | None]:
    """Return ten times the rank."""
    return col(badge.rank) * 10


def kind(badge: type[Badge]) -> SQLColumnExpression[str]:
    """Return the same for all badges."""
    return literal("gold")
'''
SALARIES = (5, 9, None, 1, 7, 3)
CALLERS: tuple[dict[str, Any], ...] = ({"by": 1}, {"by": 2}, {"by": 3, "roles": ["hr"]})


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    entities = ENTITIES | {"badge.yaml": BADGE}
    found = package_of(entities, APP, heroes=HEROES, teams=TEAMS, badges=BADGES)
    yield found
    unload(found)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_values_of_hidden_columns(
    package: Any, kind: str, new_database: Callable[[str], str]
) -> None:
    async def check() -> None:
        async with serving(package, new_database(kind)) as asker:
            await prepare(asker)
            for caller in CALLERS:
                await check_lists(asker, caller)
                await check_teams(asker, caller)
            await check_writes(asker)
            await check_constants(asker)

    asyncio.run(check())


async def prepare(asker: Asker) -> None:
    for by in (1, 2):
        await asker.row("POST /teams/", {"name": f"t{by}", "budget": by * 10}, by=by)
    for number, salary in enumerate(SALARIES):
        by = number % 2 + 1
        row = {"name": f"h{number}", "salary": salary, "rank": f"r{number}", "team_id": by}
        made = await asker.row("POST /heroes/", row | {"open": number != 4}, by=by)
        assert (made["pay"], made["grade"]) == (salary and salary * 2, "none")


def check_row(row: dict[str, Any]) -> None:
    """Check that the computed values are those of what the row shows."""
    salary = row.get("salary")
    assert row["pay"] == (None if salary is None else salary * 2), row
    assert row["grade"] == (row.get("rank") or "none"), row
    assert row["mates"] == 3, row


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["name"] for row in rows]


async def check_lists(asker: Asker, caller: dict[str, Any]) -> None:
    rows = await asker.row("GET /heroes/?sort=name&include=team", **caller)
    for row in rows:
        check_row(row)
        budget = row["team"]["budget"]
        assert row["team"]["twice"] == (budget and budget * 2)
        assert (await asker.row(f"GET /heroes/{row['id']}", **caller)).items() <= row.items()
    for value in (2, 10, 14, 18):
        found = await asker.row(f"GET /heroes/?pay={value}&sort=name", **caller)
        assert names(found) == names([row for row in rows if row["pay"] == value])
        found = await asker.row(f"GET /heroes/?pay__lt={value}&sort=name", **caller)
        assert names(found) == names([row for row in rows if (row["pay"] or 99) < value])
    for grade in ("none", "r1", "r2"):
        answer = await asker.ask(f"GET /heroes/?grade={grade}&count=exact", **caller)
        expected = [row for row in rows if row["grade"] == grade]
        assert answer.headers["x-total-count"] == str(len(expected))
    for value in (20, 40):
        found = await asker.row(f"GET /heroes/?team__twice={value}&sort=name", **caller)
        assert names(found) == names([row for row in rows if row["team"]["twice"] == value])
    for sort in ("pay,name", "-pay,name", "team__twice,name", "grade,name"):
        await check_order(asker, caller, rows, sort)


async def check_order(
    asker: Asker, caller: dict[str, Any], rows: list[dict[str, Any]], sort: str
) -> None:
    """Check the order and a walk by cursor. Null is the least value; a related key follows."""
    word = sort.split(",", maxsplit=1)[0]
    column, sign = word.lstrip("-"), -1 if word.startswith("-") else 1

    def key(row: dict[str, Any]) -> Any:
        if column == "grade":
            return row["grade"], row["name"]
        is_related = column == "team__twice"
        value = row["team"]["twice"] if is_related else row[column]
        place = (row["team_id"] if is_related else 0, row["name"])
        return sign * (value is not None), sign * (value or 0), place

    expected = names(sorted(rows, key=key))
    assert names(await asker.row(f"GET /heroes/?sort={sort}", **caller)) == expected
    walked, url = [], f"/heroes/?sort={sort}&limit=2&cursor="
    while url:
        answer = await asker.ask(f"GET {url}", **caller)
        assert answer.status_code == 200, answer.text
        walked += names(answer.json())
        found = answer.links.get("next", {}).get("url", "")
        url = found[found.index("/heroes") :] if found else ""
    assert walked == expected


async def check_teams(asker: Asker, caller: dict[str, Any]) -> None:
    teams = await asker.row("GET /teams/?include=heroes&sort=name", **caller)
    for team in teams:
        assert team["twice"] == (team["budget"] and team["budget"] * 2)
        for row in team["heroes"]:
            check_row(row)
        nested = await asker.row(f"GET /teams/{team['id']}/heroes/?sort=-pay", **caller)
        assert sorted(names(nested)) == sorted(names(team["heroes"]))
        for row in nested:
            check_row(row)
    for value in (2, 10, 14, 18):
        found = await asker.row(f"GET /teams/?heroes__any__pay={value}&sort=name", **caller)
        some = [team for team in teams if value in [row["pay"] for row in team["heroes"]]]
        assert names(found) == names(some)
    for grade in ("r1", "none"):
        found = await asker.row(f"GET /teams/?heroes__any__grade={grade}&sort=name", **caller)
        some = [team for team in teams if grade in [row["grade"] for row in team["heroes"]]]
        assert names(found) == names(some)


async def check_writes(asker: Asker) -> None:
    """Check the rows in the responses to writes of a row of another caller."""
    other: dict[str, Any] = {"by": 2}
    for request, body in (
        ("PATCH /heroes/1", {"name": "h0"}),
        ("PUT /heroes/1", {"name": "h0", "team_id": 1, "owner_id": 1}),
        ("POST /heroes/1/praise", None),
    ):
        row = await asker.row(request, body, **other)
        check_row(row)
        assert row["salary"] is None
    (row,) = await asker.row("PATCH /heroes/bulk", [{"id": 1, "name": "h0"}], **other)
    check_row(row)
    tags = [(await asker.ask("GET /heroes/1", **other)).headers["etag"]]
    await asker.row("PATCH /heroes/1", {"salary": 8})
    tags.append((await asker.ask("GET /heroes/1", **other)).headers["etag"])
    assert tags[0] == tags[1]
    assert (await asker.row("GET /heroes/1"))["pay"] == 16


async def check_constants(asker: Asker) -> None:
    """A list has the rows of its table, also if the SQL of what it selects names no column."""
    for rank in (1, 2, 3):
        await asker.row("POST /badges/", {"name": "b", "rank": rank})
    for query in ("", "&sort=-id", "&sort=level", "&limit=9&cursor=", "&count=exact", "&limit=3"):
        rows = await asker.row(f"GET /badges/?fields=level{query}")
        assert rows == [{"level": None}] * 3
        rows = await asker.row(f"GET /badges/?fields=kind,level{query}")
        assert rows == [{"level": None, "kind": "gold"}] * 3
        rows = await asker.row(f"GET /badges/?fields=kind{query}", roles=["hr"])
        assert rows == [{"kind": "gold"}] * 3
    rows = await asker.row("GET /badges/?fields=level&sort=-level", roles=["hr"])
    assert rows == [{"level": 30}, {"level": 20}, {"level": 10}]
