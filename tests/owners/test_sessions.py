"""Sessions and transactions of an owner, in handlers and in scripts."""

import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, InvalidRequestError, OperationalError
from sqlmodel import Session, select

from tests.owners.project import Project
from tests.owners.test_handlers import build

pytestmark = pytest.mark.long

TEAM = {"name": "Preventers", "hero": "Rusty-Man"}
TRANSACTION = """
from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from .heroes.models import HeroCreate, HeroUpdate
from .heroes.routes import heroes
from .kit.database import DatabaseDep, SessionDep
from .kit.http.routing import Route
from .teams.models import Team, TeamCreate
from .teams.routes import teams

router = APIRouter(route_class=Route)


class Both(BaseModel):
    name: str
    hero: str
    fail: bool = False


@router.post("/both")
async def create_both(both: Both, request: Request, db: DatabaseDep) -> dict[str, bool]:
    async with db.transaction() as transaction:
        hero = HeroCreate(name=both.hero, secret_name="secret")
        response = await heroes.create(transaction, request, hero)
        await heroes.update(transaction, request, 1, HeroUpdate(age=30))
        await teams.create(transaction, request, TeamCreate(name=both.name))
        if both.fail:
            raise HTTPException(418, "changed my mind")
        assert response.status_code == 200
    return {"ok": True}


@router.post("/session")
async def in_session(both: Both, request: Request, db: DatabaseDep, session: SessionDep) -> str:
    session.add(Team(name=both.name))
    response = await heroes.create(
        db.in_session(session), request, HeroCreate(name=both.hero, secret_name="secret")
    )
    await run_in_threadpool(session.commit)
    return response.headers["location"]
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    made: str = request.getfixturevalue("new_database")(request.param)
    return made


def own_routes(project: Project) -> None:
    project.write("own.py", TRANSACTION)
    build(project, "return build_application(settings or Settings(), [own.router, *ROUTERS])")


def counts(client: Any) -> tuple[int, int]:
    return len(client.get("/heroes/").json()), len(client.get("/teams/").json())


def test_two_operations_in_one_transaction(project: Project, url: str) -> None:
    own_routes(project)
    with project.client(database_url=url) as client:
        assert client.post("/both", json=TEAM).json() == {"ok": True}
        assert client.get("/heroes/").json() == [{"name": "Rusty-Man", "age": 30, "id": 1}]
        assert counts(client) == (1, 1)
        conflict = client.post("/both", json=TEAM)
        assert (conflict.status_code, conflict.json()["detail"][0]["type"]) == (409, "unique")
        assert counts(client) == (1, 1), "the hero is rolled back too"
        failed = client.post("/both", json=TEAM | {"name": "Z-Force", "fail": True})
        assert failed.status_code == 418
        assert counts(client) == (1, 1)
        assert client.post("/both", json=TEAM | {"name": "Z-Force"}).status_code == 200
        assert counts(client) == (2, 2)


def test_an_operation_in_a_session(project: Project, url: str) -> None:
    own_routes(project)
    with project.client(database_url=url) as client:
        assert client.post("/session", json=TEAM).json().endswith("/1")
        assert counts(client) == (1, 1)
        conflict = client.post("/session", json=TEAM)
        assert conflict.status_code == 409
        assert counts(client) == (1, 1)


def test_an_error_leaves_the_transaction_usable(project: Project, url: str) -> None:
    project.write(
        "own.py",
        TRANSACTION
        + """

@router.post("/either")
async def either(request: Request, db: DatabaseDep) -> list[int]:
    statuses = []
    async with db.transaction() as transaction:
        for name in ("A", "A", "B"):
            try:
                response = await teams.create(transaction, request, TeamCreate(name=name))
                statuses.append(response.status_code)
            except HTTPException as error:
                statuses.append(error.status_code)
    return statuses
""",
    )
    build(project, "return build_application(settings or Settings(), [own.router, *ROUTERS])")
    with project.client(database_url=url) as client:
        assert client.post("/either").json() == [200, 409, 200]
        assert [one["name"] for one in client.get("/teams/").json()] == ["A", "B"]


def test_a_transaction_in_a_transaction_is_rolled_back_alone(project: Project, url: str) -> None:
    project.write(
        "own.py",
        TRANSACTION
        + """

@router.post("/nested")
async def nested(request: Request, db: DatabaseDep, fail: bool = False) -> None:
    async with db.transaction() as transaction:
        await teams.create(transaction, request, TeamCreate(name="first"))
        async with transaction.transaction() as inner:
            await teams.create(inner, request, TeamCreate(name="second"))
        try:
            async with transaction.transaction() as inner:
                await teams.create(inner, request, TeamCreate(name="third"))
                raise HTTPException(418)
        except HTTPException:
            await teams.create(transaction, request, TeamCreate(name="fourth"))
        if fail:
            raise HTTPException(418)


@router.post("/ended")
async def ended(request: Request, db: DatabaseDep) -> None:
    async with db.transaction() as transaction:
        pass
    await teams.create(transaction, request, TeamCreate(name="late"))
""",
    )
    build(project, "return build_application(settings or Settings(), [own.router, *ROUTERS])")
    with project.client(database_url=url) as client:
        assert client.post("/nested?fail=true").status_code == 418
        assert client.get("/teams/").json() == []
        assert client.post("/nested").status_code == 200
        names = [team["name"] for team in client.get("/teams/").json()]
        assert names == ["first", "second", "fourth"]
        with pytest.raises(InvalidRequestError, match="permanently closed"):
            client.post("/ended")
        assert counts(client) == (0, 3)


CONCURRENT = (
    TRANSACTION
    + """
from asyncio import gather, timeout


@router.post("/gather")
async def create_three(request: Request, db: DatabaseDep, last: str) -> list[int]:
    async with db.transaction() as transaction:
        made = await gather(
            *(
                teams.create(transaction, request, TeamCreate(name=name))
                for name in ("first", "second", last)
            ),
            return_exceptions=True,
        )
        statuses = [one.status_code for one in made]
        if last == "fail":
            raise HTTPException(418, statuses)
    return statuses


@router.post("/gather-in-session")
async def create_in_session(request: Request, db: DatabaseDep, session: SessionDep) -> None:
    await gather(
        *(
            teams.create(db.in_session(session), request, TeamCreate(name=name))
            for name in ("first", "second", "third")
        )
    )
    await run_in_threadpool(session.commit)


@router.post("/timeout")
async def give_up(request: Request, db: DatabaseDep) -> str:
    try:
        async with db.transaction() as transaction, timeout(0.2):
            await teams.create(transaction, request, TeamCreate(name="late"))
    except TimeoutError:
        return "given up"
    return "created"


@router.post("/gather-transactions")
async def nest(request: Request, db: DatabaseDep) -> list[str]:
    async with db.transaction() as transaction:

        async def create(name: str) -> None:
            async with transaction.transaction() as inner:
                await gather(
                    *(teams.create(inner, request, TeamCreate(name=name + end)) for end in "12")
                )

        overlapping = await gather(
            create("first"),
            create("second"),
            teams.create(transaction, request, TeamCreate(name="third")),
            return_exceptions=True,
        )
        await create("fourth")
        async with transaction.transaction(), transaction.transaction():
            await teams.create(transaction, request, TeamCreate(name="fifth"))
    return [str(one) for one in overlapping if isinstance(one, RuntimeError)]
"""
)


def test_concurrent_operations_run_one_after_another(project: Project, url: str) -> None:
    project.write("own.py", CONCURRENT)
    build(project, "return build_application(settings or Settings(), [own.router, *ROUTERS])")
    with project.client(database_url=url) as client:
        failed = client.post("/gather?last=fail")
        assert (failed.status_code, failed.json()["detail"]) == (418, [200] * 3)
        assert client.get("/teams/").json() == []
        assert client.post("/gather?last=first").json() == [200, 200, 409]
        assert counts(client) == (0, 2)


def test_concurrent_operations_in_a_session(project: Project, url: str) -> None:
    project.write("own.py", CONCURRENT)
    build(project, "return build_application(settings or Settings(), [own.router, *ROUTERS])")
    with project.client(database_url=url) as client:
        assert client.post("/gather-in-session").status_code == 200
        assert counts(client) == (0, 3)


def test_a_cancelled_operation_ends_before_its_transaction(project: Project) -> None:
    project.write("own.py", CONCURRENT)
    build(project, "return build_application(settings or Settings(), [own.router, *ROUTERS])")
    team = project.module("teams.models").Team
    wiring, settings = project.module("kit.wiring"), project.module("settings")
    own = settings.Settings(database_url=f"sqlite:///{project.folder}/app.db")
    with project.client(lock_seconds=1.0) as client, wiring.open_session(own) as session:
        session.add(team(name="first"))
        session.flush()  # holds the write lock
        assert client.post("/timeout").json() == "given up"
        session.commit()
        assert counts(client) == (0, 1)
        assert client.post("/timeout").json() == "created"


def test_overlapping_transactions_in_a_transaction_are_refused(project: Project, url: str) -> None:
    project.write("own.py", CONCURRENT)
    build(project, "return build_application(settings or Settings(), [own.router, *ROUTERS])")
    with project.client(database_url=url) as client:
        errors = client.post("/gather-transactions").json()
        assert len(errors) == 2
        assert all("another task has begun a transaction" in error for error in errors)
        names = [team["name"] for team in client.get("/teams/").json()]
        assert names == ["first1", "first2", "fourth1", "fourth2", "fifth"]


def test_a_script(project: Project, url: str) -> None:
    hero = project.module("heroes.models").Hero
    wiring, settings = project.module("kit.wiring"), project.module("settings")
    with wiring.open_session(settings.Settings(database_url=url)) as session:
        assert isinstance(session, Session)
        session.add(hero(name="Deadpond", secret_name="Dive Wilson"))  # noqa: S106
        session.commit()
    with wiring.open_session(settings.Settings(database_url=url)) as session:
        assert session.exec(select(hero)).one().name == "Deadpond"
        session.add(hero(name="not committed", secret_name="x"))  # noqa: S106
        session.flush()
    with project.client(database_url=url) as client:
        assert [one["name"] for one in client.get("/heroes/").json()] == ["Deadpond"]


def test_errors_of_a_script_are_not_those_of_a_request(
    project: Project, url: str, tmp_path: Path
) -> None:
    team = project.module("teams.models").Team
    wiring, settings = project.module("kit.wiring"), project.module("settings")
    errors = project.module("kit.errors")
    with wiring.open_session(settings.Settings(database_url=url)) as session:
        session.add_all([team(name="X"), team(name="X")])
        with pytest.raises(IntegrityError):
            session.commit()
    with (
        pytest.raises(errors.StartupError, match="does not exist"),
        wiring.open_session(settings.Settings(database_url=f"sqlite:///{tmp_path}/no/app.db")),
    ):
        pass
    down = settings.Settings(database_url="postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(errors.UnreachableError), wiring.open_session(down):
        pass


def test_a_script_is_refused_by_tables_that_differ(project: Project, url: str) -> None:
    wiring, settings = project.module("kit.wiring"), project.module("settings")
    models = project.module("heroes.models")
    with wiring.open_session(settings.Settings(database_url=url)) as session:
        session.connection().exec_driver_sql("ALTER TABLE hero RENAME COLUMN age TO years")
        session.commit()
    with (
        pytest.raises(project.module("kit.errors").StartupError, match="differ from the models"),
        wiring.open_session(settings.Settings(database_url=url)) as session,
    ):
        session.get(models.Hero, 1)


def test_a_session_that_reads_takes_no_write_lock(project: Project) -> None:
    team = project.module("teams.models").Team
    wiring, settings = project.module("kit.wiring"), project.module("settings")
    url = f"sqlite:///{project.folder}/app.db"
    own = settings.Settings(database_url=url, lock_seconds=1.0)
    with wiring.open_session(own) as first, wiring.open_session(own) as second:
        assert first.exec(select(team)).all() == []
        assert second.exec(select(team)).all() == []
        first.add(team(name="A"))
        first.flush()  # holds the write lock
        assert second.exec(select(team)).all() == []
        assert first.exec(select(team)).one().name == "A"
        first.commit()
        assert second.exec(select(team)).all() == [], "a transaction reads one snapshot"
        second.rollback()
        assert second.exec(select(team)).one().name == "A"


def test_a_session_that_read_before_can_write(project: Project) -> None:
    team = project.module("teams.models").Team
    wiring, settings = project.module("kit.wiring"), project.module("settings")
    own = settings.Settings(database_url=f"sqlite:///{project.folder}/app.db", lock_seconds=10.0)
    with wiring.open_session(own) as session:
        session.add(team(name="0"))
        session.commit()
    barrier, errors = threading.Barrier(4), []

    def add(name: str) -> None:
        try:
            with wiring.open_session(own) as session:
                session.exec(select(team)).all()
                barrier.wait()
                session.add(team(name=name))
                session.commit()
        except Exception as error:  # noqa: BLE001 - checked below
            errors.append(error)

    threads = [threading.Thread(target=add, args=(str(n),)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with wiring.open_session(own) as session:
        assert len(session.exec(select(team)).all()) == 5


def test_rows_that_are_locked_for_an_update_count_every_increment(project: Project) -> None:
    hero = project.module("heroes.models").Hero
    wiring, settings = project.module("kit.wiring"), project.module("settings")
    own = settings.Settings(database_url=f"sqlite:///{project.folder}/app.db", lock_seconds=10.0)
    with wiring.open_session(own) as session:
        session.add(hero(name="x", secret_name="x", age=0))  # noqa: S106
        session.commit()

    def increment() -> None:
        with wiring.open_session(own) as session:
            locked = session.exec(select(hero).with_for_update()).one()
            locked.age += 1
            session.commit()

    threads = [threading.Thread(target=increment) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with wiring.open_session(own) as session:
        assert session.exec(select(hero)).one().age == 8


def test_savepoints(project: Project, url: str) -> None:
    team = project.module("teams.models").Team
    wiring, settings = project.module("kit.wiring"), project.module("settings")
    with wiring.open_session(settings.Settings(database_url=url)) as session:
        assert session.exec(select(team)).all() == []
        session.add(team(name="A"))
        session.flush()
        nested = session.begin_nested()
        session.add(team(name="A"))
        with pytest.raises(IntegrityError):
            session.flush()
        nested.rollback()
        session.commit()
        assert session.exec(select(team.name)).all() == ["A"]


@pytest.mark.parametrize(
    ("statement", "reads"),
    [
        ("SELECT 1", True),
        ("-- of heroes\n /* all */ select name from hero", True),
        ("WITH a AS (SELECT 1) SELECT * FROM a", True),
        ("WITH a AS (SELECT 1) UPDATE hero SET age = 1", False),
        ("PRAGMA table_info(hero)", True),
        ("UPDATE hero SET age = 1", False),
        ("CREATE TABLE x (id INTEGER)", False),
    ],
)
@pytest.mark.parametrize("is_text", [True, False])
def test_text_that_only_reads_takes_no_write_lock(
    project: Project, statement: str, *, is_text: bool, reads: bool
) -> None:
    project.module("heroes.models")
    wiring, settings = project.module("kit.wiring"), project.module("settings")
    url = f"sqlite:///{project.folder}/app.db"
    own = settings.Settings(database_url=url, lock_seconds=0.1)
    with wiring.open_session(own):
        pass
    with wiring.open_session(own) as first, wiring.open_session(own) as second:
        first.connection().exec_driver_sql("UPDATE hero SET age = 1")
        execute = (
            partial(second.execute, text(statement))
            if is_text
            else partial(second.connection().exec_driver_sql, statement)
        )
        if reads:
            execute()
        else:
            with pytest.raises(OperationalError, match="locked"):
                execute()
