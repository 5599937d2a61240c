"""Async sessions of an owner."""

import importlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.pool import StaticPool

from tests.owners.project import Project, client_of
from tests.owners.test_handlers import DEADPOND, build

OWN = """
from fastapi import APIRouter, Request, Response
from sqlmodel import func, select

from .heroes.models import Hero, HeroCreate, HeroPublic
from .heroes.routes import heroes
from .kit.database import DatabaseDep
from .kit.database.async_sessions import AsyncSessionDep
from .kit.http.routing import Route
from .teams.models import Team

router = APIRouter(route_class=Route)


@router.get("/count")
async def count(session: AsyncSessionDep) -> int:
    return (await session.exec(select(func.count()).select_from(Hero))).one()


@router.post("/teams/", response_model=Team)
async def create_team(team: Team, session: AsyncSessionDep) -> Team:
    session.add(team)
    await session.commit()
    await session.refresh(team)
    return team


@router.post("/both")
async def create_both(request: Request, db: DatabaseDep, session: AsyncSessionDep) -> Response:
    session.add(Team(name="Preventers"))
    hero = HeroCreate(name="Rusty-Man", secret_name="Tommy Sharp")
    response = await heroes.create(db.in_session(session), request, hero)
    await session.commit()
    return response
"""


@pytest.fixture
def owned(project: Project) -> Project:
    project.write("own.py", OWN)
    build(project, "return build_application(settings or Settings(), [own.router, *ROUTERS])")
    return project


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_async_handlers(owned: Project, kind: str, new_database: Any) -> None:
    with owned.client(database_url=new_database(kind)) as client:
        assert client.post("/heroes/", json=DEADPOND).status_code == 200
        assert client.get("/count").json() == 1
        assert client.post("/teams/", json={"name": "X"}).json()["id"] == 1
        conflict = client.post("/teams/", json={"name": "X"})
        assert (conflict.status_code, conflict.json()["detail"][0]["type"]) == (409, "unique")
        created = client.post("/both")
        assert created.json() == {"name": "Rusty-Man", "age": None, "id": 2}
        assert client.post("/both").status_code == 409, "the team exists"
        assert client.get("/count").json() == 2


def test_the_generated_handlers_follow_an_overridden_async_session(owned: Project) -> None:
    app = owned.create()
    engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
    metadata = owned.module("kit.models").Model.metadata

    async def override() -> AsyncIterator[AsyncSession]:
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        async with AsyncSession(engine) as session:
            yield session

    app.dependency_overrides[owned.module("kit.database.async_sessions").async_session] = override
    with owned.client(app) as client:
        assert client.post("/heroes/", json=DEADPOND).json()["id"] == 1
        assert client.get("/count").json() == 1
        assert client.get("/heroes/").json()[0]["name"] == "Deadpond"
        assert client.delete("/heroes/1").status_code == 200
        assert client.get("/count").json() == 0
        client.portal.call(engine.dispose)  # type: ignore[union-attr]


def test_an_async_session_needs_the_lifespan(owned: Project) -> None:
    assert client_of(owned.create()).get("/count").status_code == 503


def test_missing_packages_are_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "greenlet", None)
    with pytest.raises(project.module("kit.errors").StartupError, match=r"sqlalchemy\[asyncio\]"):
        importlib.import_module(f"{project.package}.kit.database.async_sessions")


def test_a_missing_driver_is_named(owned: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with owned.client() as client:
        monkeypatch.setitem(sys.modules, "aiosqlite", None)
        error = owned.module("kit.errors").StartupError
        with pytest.raises(error, match="pip install aiosqlite"):
            client.get("/count")
