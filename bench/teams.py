"""The suite of related rows: heroes and their teams, at 10^6 rows."""

import sqlite3
from pathlib import Path
from typing import Any

import httpx
import psycopg

from bench.data import create_tables, migrate_pocketbase
from bench.suites import (
    BASELINE,
    CRUDGEN,
    POCKETBASE,
    ROOT,
    Contender,
    Request,
    Suite,
    crudgen,
    get,
    pocketbase,
    uvicorn,
)

HEROES = 1_000_000
TEAMS = 100_000
"""Each team has 10 heroes."""
DEEP = HEROES // 2
"""The offset of the deep page."""
ENTITIES = ROOT / "bench" / "specs" / "teams" / "entities"
WITH_TEAM = "heroes with team"
WITH_HEROES = "teams with 10 heroes"
ROW = "hero with team"
FILTER = "filter by team"
SORT = "sort by team"
DEEP_SORT = "the same, deep"
_STEP = 7919
"""Heroes of one team are not next to each other."""


def _team_of(hero: int) -> int:
    return (hero - 1) * _STEP % TEAMS + 1


def fill(url: str) -> None:
    """Create the tables as crudgen does, and insert rows."""
    create_tables(ENTITIES, url)
    if url.startswith("sqlite"):
        _fill_sqlite(url.removeprefix("sqlite:///"))
    else:
        _fill_postgresql(url)


def _fill_sqlite(file: str) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executemany(
            "INSERT INTO team (name, headquarters) VALUES (?, ?)",
            ((f"team {n:06}", f"city {n % 100}") for n in range(1, TEAMS + 1)),
        )
        connection.executemany(
            "INSERT INTO hero (name, age, secret_name, team_id) VALUES (?, ?, ?, ?)",
            ((f"hero {n}", n % 100, f"secret {n}", _team_of(n)) for n in range(1, HEROES + 1)),
        )
        connection.execute("ANALYZE")
    connection.close()


def _fill_postgresql(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(
            "INSERT INTO team (name, headquarters)"
            " SELECT 'team ' || lpad(n::text, 6, '0'), 'city ' || n % 100"
            f" FROM generate_series(1, {TEAMS}) n"
        )
        server.execute(
            "INSERT INTO hero (name, age, secret_name, team_id)"
            " SELECT 'hero ' || n, n % 100, 'secret ' || n,"
            f" (n - 1)::bigint * {_STEP} % {TEAMS} + 1 FROM generate_series(1, {HEROES}) n"
        )
        server.execute("VACUUM ANALYZE team")
        server.execute("VACUUM ANALYZE hero")


_POCKETBASE_MIGRATION = """
migrate((app) => {
  const rules = {listRule: "", viewRule: "", createRule: "", updateRule: "", deleteRule: ""}
  const teams = new Collection({
    type: "base", name: "teams", ...rules,
    fields: [
      {name: "name", type: "text", required: true},
      {name: "headquarters", type: "text"},
    ],
    indexes: ["CREATE UNIQUE INDEX ix_teams_name ON teams (name)"],
  })
  app.save(teams)
  app.save(new Collection({
    type: "base", name: "heroes", ...rules,
    fields: [
      {name: "name", type: "text", required: true},
      {name: "age", type: "number"},
      {name: "secret_name", type: "text", hidden: true},
      {name: "team", type: "relation", collectionId: teams.id, maxSelect: 1},
    ],
    indexes: ["CREATE INDEX ix_heroes_name ON heroes (name)",
              "CREATE INDEX ix_heroes_age ON heroes (age)",
              "CREATE INDEX ix_heroes_team ON heroes (team)"],
  }))
})
"""


def fill_pocketbase(folder: Path) -> None:
    """Create PocketBase's collections, and insert rows."""
    migrate_pocketbase(folder, _POCKETBASE_MIGRATION)
    with sqlite3.connect(folder / "data.db") as connection:
        connection.executemany(
            "INSERT INTO teams (id, name, headquarters) VALUES (?, ?, ?)",
            ((f"{n:015}", f"team {n:06}", f"city {n % 100}") for n in range(1, TEAMS + 1)),
        )
        connection.executemany(
            "INSERT INTO heroes (id, name, age, secret_name, team) VALUES (?, ?, ?, ?, ?)",
            (
                (f"{n:015}", f"hero {n}", n % 100, f"secret {n}", f"{_team_of(n):015}")
                for n in range(1, HEROES + 1)
            ),
        )
        connection.execute("ANALYZE")
    connection.close()


def _check(client: httpx.Client, paths: dict[str, str]) -> bool:
    """Return whether the responses have the related rows."""
    heroes = _rows(client.get(paths[WITH_TEAM]).raise_for_status().json())
    teams = _rows(client.get(paths[WITH_HEROES]).raise_for_status().json())
    row = client.get(paths[ROW] % 7).raise_for_status().json()
    found = _rows(client.get(paths[FILTER] % 5).raise_for_status().json())
    return (
        len(heroes) == len(teams) == 100
        and all(_related(hero, "team")["name"].startswith("team ") for hero in heroes)
        and all(len(_related(team, "heroes")) == 10 for team in teams)
        and _related(row, "team")["name"] == f"team {_team_of(7):06}"
        and len(found) == 10
        and (SORT not in paths or _is_sorted(_rows(client.get(paths[SORT]).json())))
    )


def _is_sorted(heroes: list[dict[str, Any]]) -> bool:
    """Return whether these are the heroes of the first ten teams."""
    numbers = [int(hero["name"].removeprefix("hero ")) for hero in heroes]
    return [_team_of(number) for number in numbers] == [n // 10 + 1 for n in range(100)]


def _rows(answer: Any) -> list[Any]:
    """Return the rows of a page: the JSON value itself, or a list in it."""
    return answer if isinstance(answer, list) else answer.get("data") or answer["items"]


def _related(row: dict[str, Any], name: str) -> Any:
    """Return the related rows of a row, also where PocketBase puts them."""
    if name in row and not isinstance(row[name], str):
        return row[name]
    expanded = row["expand"]
    return expanded[name if name in expanded else f"{name}_via_team"]


def _requests(paths: dict[str, str]) -> dict[str, str]:
    return {task: get(path, _MOST.get(task, 0)) for task, path in paths.items()}


_MOST = {ROW: HEROES, FILTER: TEAMS}
"""The largest number in a path, by task."""


def _deep_link(client: httpx.Client) -> str:
    """Return the request for the page by cursor after the deep offset."""
    path = f"/heroes/?sort=team__name&limit=100&offset={DEEP}&cursor="
    return get(client.get(path).raise_for_status().links["next"]["url"].replace("%", "%%"))


_CRUDGEN = {
    WITH_TEAM: "/heroes/?limit=100&include=team",
    WITH_HEROES: "/teams/?limit=100&include=heroes&heroes__limit=10",
    ROW: "/heroes/%d?include=team",
    FILTER: "/heroes/?team__name=team%%20%06d",
    SORT: "/heroes/?limit=100&sort=team__name&cursor=",
}
_BY_HAND = {
    WITH_TEAM: "/heroes/?limit=100",
    WITH_HEROES: "/teams/?limit=100",
    ROW: "/heroes/%d",
    FILTER: "/heroes/?team_name=team%%20%06d",
    SORT: "/heroes/?limit=100&sort=team",
    DEEP_SORT: f"/heroes/?limit=100&sort=team&offset={DEEP}",
}
_FASTCRUD = {task: _BY_HAND[task] for task in (WITH_TEAM, WITH_HEROES, ROW, FILTER)}
_RECORDS = "/api/collections/%s/records?perPage=100&skipTotal=1"
_POCKETBASE = {
    WITH_TEAM: f"{_RECORDS % 'heroes'}&expand=team",
    WITH_HEROES: f"{_RECORDS % 'teams'}&expand=heroes_via_team",
    ROW: "/api/collections/heroes/records/%015d?expand=team",
    FILTER: f"{_RECORDS % 'heroes'}&filter=(team.name='team%%20%06d')",
    SORT: f"{_RECORDS % 'heroes'}&sort=team.name",
    DEEP_SORT: f"{_RECORDS % 'heroes'}&sort=team.name&page={DEEP // 100 + 1}",
}


def _contender(
    name: str,
    command: Any,
    paths: dict[str, str],
    databases: tuple[str, ...] = ("sqlite", "postgresql"),
    deep_sort: Request = "",
) -> Contender:
    requests = {**_requests(paths), **({DEEP_SORT: deep_sort} if deep_sort else {})}
    return Contender(
        name, command, requests, paths[ROW] % 1, databases, lambda client: _check(client, paths)
    )


TEAMS_SUITE = Suite(
    "relations",
    (WITH_TEAM, WITH_HEROES, ROW, FILTER, SORT, DEEP_SORT),
    (
        _contender(CRUDGEN, crudgen(ENTITIES), _CRUDGEN, deep_sort=_deep_link),
        _contender(BASELINE, uvicorn("by_hand_related"), _BY_HAND),
        _contender("FastCRUD", uvicorn("with_fastcrud_related"), _FASTCRUD),
        _contender(POCKETBASE, pocketbase, _POCKETBASE, ("sqlite",)),
    ),
    fill,
    fill_pocketbase,
    one_client=frozenset({SORT, DEEP_SORT}),
)
