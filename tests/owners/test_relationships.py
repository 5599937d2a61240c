"""Sessions of an owner use the relationships of the table models, as SQLModel's tutorial does."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from tests.owners.project import Project, emit_spec
from tests.owners.test_handlers import build

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """Make every warning of SQLAlchemy an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="module")
def teams(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return emit_spec(root, "teams", tmp_path_factory.mktemp("teams"))


@pytest.fixture(scope="module")
def company(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return emit_spec(root, "company", tmp_path_factory.mktemp("company"))


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(
    request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[[str], str]
) -> Iterator[Callable[[Path], tuple[Any, Session]]]:
    """Return a function from an emitted project to its module of tables and a session."""
    open_ones = []

    def open_it(emitted: Path) -> tuple[Any, Session]:
        project = Project.copied(emitted, tmp_path)
        tables = project.module("models")
        settings = project.module("settings").Settings(database_url=new_database(request.param))
        context = project.module("kit.wiring").open_session(settings)
        open_ones.append((context, project))
        return tables, context.__enter__()

    yield open_it
    for context, project in open_ones:
        context.__exit__(None, None, None)
        project.unload()


Opened = Callable[[Path], tuple[Any, Session]]


def test_the_tutorial(teams: Path, opened: Opened) -> None:
    tables, session = opened(teams)
    preventers = tables.Team(name="Preventers", headquarters="Sharp Tower")
    force = tables.Team(name="Z-Force", headquarters="Sister Margaret's Bar")
    deadpond = tables.Hero(name="Deadpond", secret_name="Dive Wilson", team=force)  # noqa: S106
    rusty = tables.Hero(name="Rusty-Man", secret_name="Tommy Sharp", age=48)  # noqa: S106
    preventers.heroes.append(rusty)
    flight = tables.Power(name="flight")
    deadpond.powers.append(flight)
    rusty.powers = [flight, tables.Power(name="wealth")]
    session.add_all([deadpond, rusty])
    session.commit()
    assert (deadpond.team.name, rusty.team_id) == ("Z-Force", preventers.id)
    assert [hero.name for hero in flight.heroes] == ["Deadpond", "Rusty-Man"]
    statement = select(tables.Hero).join(tables.Team).where(tables.Team.name == "Preventers")
    assert session.exec(statement).one() is rusty
    rusty.team = None
    rusty.powers.remove(flight)
    session.commit()
    assert (rusty.team_id, preventers.heroes) == (None, [])
    assert [hero.name for hero in flight.heroes] == ["Deadpond"]


@pytest.mark.parametrize("loads", [False, True])
def test_a_team_with_heroes_is_kept(teams: Path, opened: Opened, loads: bool) -> None:
    tables, session = opened(teams)
    team = tables.Team(name="Preventers", headquarters="Sharp Tower")
    hero = tables.Hero(name="Rusty-Man", secret_name="Tommy Sharp", team=team)  # noqa: S106
    hero.powers.append(tables.Power(name="wealth"))
    session.add(hero)
    session.commit()
    assert not loads or (team.heroes, len(hero.powers)) == ([hero], 1)
    session.delete(team)
    with pytest.raises(IntegrityError):
        session.commit()
    session.rollback()
    assert hero.team_id == team.id
    assert not loads or len(hero.powers) == 1
    session.delete(hero)
    session.delete(team)
    session.commit()
    assert session.exec(select(tables.HeroPowerLink)).all() == []
    assert len(session.exec(select(tables.Power)).all()) == 1


def test_circles_and_self_references(company: Path, opened: Opened) -> None:
    tables, session = opened(company)
    sales = tables.Department(code="sales")
    head = tables.Person(name="A", department=sales)
    sales.head = head
    report = tables.Person(name="B", department=sales, manager=head, mentor=head)
    head.friends.append(report)
    session.add(report)
    session.commit()
    assert (sales.head, head.headed, head.department) == (head, [sales], sales)
    assert (head.reports, head.mentored, report.admirers) == ([report], [report], [head])
    assert (report.friends, report.reports, sales.people) == ([], [], [head, report])
    session.delete(head)
    with pytest.raises(IntegrityError):
        session.commit()
    session.rollback()
    assert (head.headed, report.admirers) == ([sales], [head])
    report.manager = None
    session.commit()
    session.delete(head)
    session.commit()
    assert (sales.head_id, report.mentor_id, report.admirers) == (None, None, [])


def test_one_to_one_and_links_with_columns(company: Path, opened: Opened) -> None:
    tables, session = opened(company)
    person = tables.Person(name="A", department=tables.Department(code="sales"))
    badge = tables.Badge(text="x", person=person)
    desk = tables.Desk(person=person)
    project = tables.Project(id=7, title="P")
    session.add_all([badge, desk, tables.Membership(person=person, project=project, role="r")])
    session.commit()
    assert (person.badge, person.desk, badge.person) == (badge, desk, person)
    assert (person.projects, project.people) == ([project], [person])
    assert [one.role for one in person.memberships] == ["r"]
    session.delete(project)
    with pytest.raises(IntegrityError):
        session.commit()
    session.rollback()
    session.delete(person)
    with pytest.raises(IntegrityError):
        session.commit()
    session.rollback()
    desk.person = None
    session.commit()
    session.delete(person)
    session.commit()
    assert (desk.person_id, project.memberships, project.people) == (None, [], [])
    assert session.exec(select(tables.Badge)).all() == []


HANDLERS = """
from fastapi import APIRouter

from .kit.database import SessionDep
from .kit.http.routing import Route
from .models import Hero, Team

router = APIRouter(route_class=Route)


@router.post("/teams/{team_id}/join/{hero_id}")
def join(team_id: int, hero_id: int, session: SessionDep) -> list[str]:
    team = session.get_one(Team, team_id)
    team.heroes.append(session.get_one(Hero, hero_id))
    session.commit()
    return [hero.name for hero in team.heroes]


@router.post("/heroes/{hero_id}/move")
def move(hero_id: int, team_id: int, session: SessionDep) -> None:
    session.get_one(Hero, hero_id).team_id = team_id
    session.commit()


@router.post("/teams/{team_id}/disband")
def disband(team_id: int, session: SessionDep) -> None:
    session.delete(session.get_one(Team, team_id))
    session.commit()
"""


def types(response: Any) -> list[str]:
    return [problem["type"] for problem in response.json()["detail"]]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_handlers_with_a_session(
    teams: Path, tmp_path: Path, kind: str, new_database: Callable[[str], str]
) -> None:
    project = Project.copied(teams, tmp_path)
    project.write("own.py", HANDLERS)
    build(project, "return build_application(settings or Settings(), [own.router, *ROUTERS])")
    with project.client(database_url=new_database(kind)) as client:
        client.post("/teams/", json={"name": "Preventers", "headquarters": "Sharp Tower"})
        client.post("/heroes/", json={"name": "Rusty-Man", "secret_name": "Tommy Sharp"})
        assert client.post("/teams/1/join/1").json() == ["Rusty-Man"]
        refused = client.post("/teams/1/disband")
        assert (refused.status_code, types(refused)) == (409, ["referred_to"])
        lost = client.post("/heroes/1/move?team_id=9")
        assert (lost.status_code, types(lost)) == (409, ["no_target"])
        assert client.get("/heroes/1").json()["team_id"] == 1
        assert client.delete("/heroes/1").status_code == 200
        assert client.post("/teams/1/disband").status_code == 200
        assert client.get("/teams/").json() == []
    project.unload()
