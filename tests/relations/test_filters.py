"""Lists are filtered and sorted by related rows."""

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.owners.project import Project, emit

TEAMS = Path(__file__).parents[1] / "specs/teams/entities"
ROUTES = '''"""Lists that are filtered and sorted by related rows."""

from typing import Annotated

from fastapi import Request, Response

from .heroes.links import HeroPowerLink
from .heroes.models import Hero, HeroPublic
from .kit.database import DatabaseDep
from .kit.http.routing import Router
from .kit.query import ListQuery
from .kit.query.relations import Included, ManyToMany, ManyToOne, OneToMany
from .kit.rows.related_lists import RelatedListResource
from .powers.models import Power, PowerPublic
from .teams.models import Team, TeamPublic


class TeamPublicWithRelated(TeamPublic, Included):
    heroes: list[HeroPublic] = []
    heroes_more: bool = False


class HeroPublicWithRelated(HeroPublic, Included):
    team: TeamPublic | None = None
    powers: list[PowerPublic] = []
    powers_more: bool = False


router = Router(prefix="/with")
power_of_hero = ManyToMany(Power, PowerPublic, HeroPowerLink, by="hero_id", to="power_id")
heroes = RelatedListResource(
    Hero,
    public=HeroPublic,
    with_related=HeroPublicWithRelated,
    relations={"team": ManyToOne(Team, TeamPublic, by="team_id"), "powers": power_of_hero},
    related=["team__name", "team__headquarters", "powers__any__name"],
)
teams = RelatedListResource(
    Team,
    public=TeamPublic,
    with_related=TeamPublicWithRelated,
    relations={
        "heroes": OneToMany(Hero, HeroPublic, by="team_id", relations={"powers": power_of_hero})
    },
    include=["heroes"],
    related=["heroes__any__age", "heroes__any__name", "heroes__any__powers__any__name"],
)


@router.get("/heroes/", response_model=list[HeroPublicWithRelated])
async def read_heroes(
    request: Request, db: DatabaseDep, query: Annotated[ListQuery, heroes.query]
) -> Response:
    return await heroes.list(db, request, query)


@router.get("/teams/", response_model=list[TeamPublicWithRelated])
async def read_teams(
    request: Request, db: DatabaseDep, query: Annotated[ListQuery, teams.query]
) -> Response:
    return await teams.list(db, request, query)
'''
HEROES = (
    ("Deadpond", 30, 1),
    ("Rusty", 48, 2),
    ("Spider", None, None),
    ("Tarantula", 32, 2),
    ("Cap", 40, 3),
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("teams")
    specs = {file.stem: file.read_text("utf-8") for file in TEAMS.iterdir()}
    copied = Project.copied(emit(folder, specs), folder)
    copied.write("with_related.py", ROUTES)
    yield copied
    copied.unload()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def client(
    request: pytest.FixtureRequest, project: Project, new_database: Callable[[str], str]
) -> Iterator[TestClient]:
    """Return a client of four teams, five heroes and two powers."""
    app = project.create(database_url=new_database(request.param))
    app.include_router(project.module("with_related").router)
    with project.client(app) as client:
        for name, place in (
            ("Z-Force", "Bar"),
            ("Preventers", "Tower"),
            ("Aces", "Tower"),
            ("No", "x"),
        ):
            client.post("/teams/", json={"name": name, "headquarters": place})
        for name, age, team in HEROES:
            row = {"name": name, "secret_name": "secret", "age": age, "team_id": team}
            client.post("/heroes/", json=row)
        for name in ("flight", "wealth"):
            client.post("/powers/", json={"name": name})
        link = project.module("heroes.links").HeroPowerLink
        with app.state.database.session() as session:
            for hero, power in ((1, 2), (1, 1), (3, 2)):
                session.add(link(hero_id=hero, power_id=power))
            session.commit()
        yield client


def names(client: TestClient, url: str) -> list[str]:
    answer = client.get(f"/with/{url}")
    assert answer.status_code == 200, answer.text
    return [row["name"] for row in answer.json()]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("team__name=Preventers", "Rusty Tarantula"),
        ("team__name__istartswith=p", "Rusty Tarantula"),
        ("team__name__in=Aces&team__name__in=Z-Force", "Deadpond Cap"),
        ("team__headquarters=Tower&team__name__ne=Aces", "Rusty Tarantula"),
        ("team__headquarters=Bar&team__name=Aces", ""),
        ("powers__any__name=wealth", "Deadpond Spider"),
        ("powers__any__name=wealth&powers__any__name__contains=fl", ""),
        ("powers__none__name=flight", "Rusty Spider Tarantula Cap"),
        ("powers__exists=true", "Deadpond Spider"),
        ("powers__exists=false", "Rusty Tarantula Cap"),
        ("powers__exists=true&team__name=Z-Force&age=30", "Deadpond"),
    ],
)
def test_heroes_are_filtered_by_team_and_powers(client: TestClient, query: str, found: str) -> None:
    assert names(client, f"heroes/?{query}") == found.split()
    total = client.get(f"/with/heroes/?{query}&count=exact&limit=1&include=team,powers")
    assert total.headers["X-Total-Count"] == str(len(found.split()))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("heroes__any__age__gte=40", "Preventers Aces"),
        ("heroes__any__age__gte=40&heroes__any__name__contains=T", ""),
        ("heroes__any__age__lt=40&heroes__any__name__contains=T", "Preventers"),
        ("heroes__none__age__gte=40", "Z-Force No"),
        ("heroes__exists=false", "No"),
        ("heroes__any__name=Rusty", "Preventers"),
        ("heroes__any__powers__any__name=wealth", "Z-Force"),
        ("heroes__none__powers__any__name=wealth", "Preventers Aces No"),
        ("heroes__any__powers__none__name=wealth", "Preventers Aces"),
        ("heroes__none__powers__none__name=wealth", "Z-Force No"),
        ("heroes__any__powers__exists=true", "Z-Force"),
        ("heroes__none__powers__exists=true&heroes__exists=true", "Preventers Aces"),
    ],
)
def test_teams_are_filtered_by_heroes(client: TestClient, query: str, found: str) -> None:
    assert names(client, f"teams/?{query}") == found.split()


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("team__name", "Spider Cap Rusty Tarantula Deadpond"),
        ("-team__name", "Deadpond Tarantula Rusty Cap Spider"),
        ("team__name,-age", "Spider Cap Rusty Tarantula Deadpond"),
        ("team__headquarters,name", "Spider Deadpond Rusty Tarantula Cap"),
        ("team__headquarters,-team__name,name", "Spider Deadpond Rusty Tarantula Cap"),
        ("age,team__name", "Spider Deadpond Tarantula Cap Rusty"),
        ("team__headquarters,-team_id,name", "Spider Deadpond Cap Rusty Tarantula"),
        ("-team__headquarters,age", "Cap Tarantula Rusty Deadpond Spider"),
    ],
)
def test_heroes_are_sorted_by_team(client: TestClient, sort: str, found: str) -> None:
    for limit in (1, 2, 3, 5):
        for more in (
            "",
            "&include=team,powers",
            "&fields=name",
            "&fields=name,team__name&include=team",
        ):
            url = f"/with/heroes/?sort={sort}&limit={limit}{more}"
            pages = []
            answer = client.get(f"{url}&cursor=")
            while True:
                assert answer.status_code == 200, answer.text
                pages.append([row["name"] for row in answer.json()])
                if "next" not in answer.links:
                    break
                answer = client.get(answer.links["next"]["url"])
            assert [name for page in pages for name in page] == found.split(), (limit, more)
            back = [pages[-1]]
            while "prev" in answer.links:
                answer = client.get(answer.links["prev"]["url"])
                back.append([row["name"] for row in answer.json()])
            assert back[::-1] == pages or [n for p in back[::-1] for n in p] == found.split()
            by_offset = client.get(f"{url}&offset=1").json()
            assert [row["name"] for row in by_offset] == found.split()[1 : limit + 1]


@pytest.mark.parametrize(
    "parameter",
    [
        "team__id=1",
        "powers__any__id=1",
        "powers__name=x",
        "powers__all__name=x",
        "team__exists=true",
        "team__heroes__any__name=x",
    ],
)
def test_other_paths_are_unknown(client: TestClient, parameter: str) -> None:
    answer = client.get(f"/with/heroes/?{parameter}")
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "unknown_parameter")


@pytest.mark.parametrize("sort", ["powers__any__name", "team__id", "team", "powers"])
def test_other_paths_cannot_be_sorted_by(client: TestClient, sort: str) -> None:
    assert client.get(f"/with/heroes/?sort={sort}").status_code == 422


@pytest.mark.long
def test_a_cached_statement_takes_little_memory(client: TestClient) -> None:
    def ask(values: int) -> None:
        names = "&team__name__in=x" * values
        assert client.get(f"/with/heroes/?sort=team__name&cursor={names}").status_code == 200

    ask(1)
    tracemalloc.start()
    try:
        for values in range(2, 32):
            ask(values)
        gc.collect()
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used / 30 < 40_000


def test_a_cursor_belongs_to_the_filters_by_related_rows(client: TestClient) -> None:
    url = "/with/heroes/?cursor=&limit=1&sort=team__name&team__headquarters="
    first = client.get(f"{url}Tower")
    cursor = first.links["next"]["url"].partition("cursor=")[2].partition("&")[0]
    other = f"/with/heroes/?cursor={cursor}&limit=1&sort=team__name&team__headquarters="
    assert client.get(f"{other}Tower").status_code == 200
    assert client.get(f"{other}Bar").status_code == 404
