"""The test fixtures of SQLModel's and FastAPI's documentation drive the generated handlers.

An engine in memory, a session that overrides `get_session`, and a client without the lifespan. The
metadata is that of `Model`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, create_engine
from sqlmodel.pool import StaticPool

from tests.owners.project import Project, client_of, emit, emit_spec
from tests.owners.test_handlers import build
from tests.owners.test_sessions import TRANSACTION

pytestmark = pytest.mark.long

Override = Callable[[Session], Callable[[], Any]]


def returned(session: Session) -> Callable[[], Any]:
    """Return an override as in SQLModel's tutorial."""

    def get_session_override() -> Session:
        return session

    return get_session_override


def yielded(session: Session) -> Callable[[], Any]:
    """Return an override as in FastAPI's guide: a session for each request."""

    def override_get_db() -> Iterator[Session]:
        with Session(session.get_bind()) as own:
            yield own

    return override_get_db


def awaited(session: Session) -> Callable[[], Any]:
    async def override() -> Session:
        return session

    return override


@pytest.fixture
def session(project: Project) -> Iterator[Session]:
    engine = create_engine(
        "sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool
    )
    project.module("api")
    project.module("kit.models").Model.metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


@pytest.fixture(params=[returned, yielded, awaited], ids=lambda kind: kind.__name__)
def client(project: Project, session: Session, request: pytest.FixtureRequest) -> Iterator[Any]:
    main = project.module("main")
    main.app.dependency_overrides[main.get_session] = request.param(session)
    yield client_of(main.app)
    main.app.dependency_overrides.clear()


def test_create_hero(client: Any) -> None:
    response = client.post("/heroes/", json={"name": "Deadpond", "secret_name": "Dive Wilson"})
    data = response.json()
    assert response.status_code == 200
    assert data == {"name": "Deadpond", "age": None, "id": 1}
    assert response.headers["location"] == "/heroes/1"


def test_create_hero_incomplete(client: Any) -> None:
    assert client.post("/heroes/", json={"name": "Deadpond"}).status_code == 422


def test_create_hero_invalid(client: Any) -> None:
    body = {"name": "Deadpond", "secret_name": {"message": "Do you wanna know?"}}
    assert client.post("/heroes/", json=body).status_code == 422


@pytest.fixture
def heroes(project: Project, session: Session) -> list[Any]:
    hero = project.module("heroes.models").Hero
    first = hero(name="Deadpond", secret_name="Dive Wilson")  # noqa: S106 - of a hero
    second = hero(name="Rusty-Man", secret_name="Tommy Sharp", age=48)  # noqa: S106
    session.add(first)
    session.add(second)
    session.commit()
    return [first, second]


def test_read_heroes(client: Any, heroes: list[Any]) -> None:
    response = client.get("/heroes/")
    assert response.status_code == 200
    assert [(one["name"], one["age"], one["id"]) for one in response.json()] == [
        (hero.name, hero.age, hero.id) for hero in heroes
    ]


def test_read_hero(client: Any, heroes: list[Any]) -> None:
    response = client.get(f"/heroes/{heroes[0].id}")
    assert response.status_code == 200
    assert response.json()["name"] == heroes[0].name
    assert client.get("/heroes/999").status_code == 404


def test_update_hero(
    client: Any, session: Session, heroes: list[Any], request: pytest.FixtureRequest
) -> None:
    hero = heroes[0]
    response = client.patch(f"/heroes/{hero.id}", json={"name": "Deadpuddle"})
    data = response.json()
    assert response.status_code == 200
    assert (data["name"], data["age"], data["id"]) == ("Deadpuddle", None, hero.id)
    if "yielded" in request.node.name:
        session.expire_all()  # the handler had a session of its own
    assert hero.name == "Deadpuddle"


def test_delete_hero(
    client: Any, session: Session, heroes: list[Any], request: pytest.FixtureRequest
) -> None:
    hero = heroes[0]
    response = client.delete(f"/heroes/{hero.id}")
    if "yielded" not in request.node.name:
        assert session.get(type(hero), hero.id) is None
    assert response.json() == {"ok": True}
    assert client.get("/heroes/").json()[0]["name"] == "Rusty-Man"


def test_pages_filters_and_preconditions(client: Any, heroes: list[Any]) -> None:
    page = client.get("/heroes/?cursor=&limit=1&count=exact")
    assert page.headers["x-total-count"] == "2"
    following = page.links["next"]["url"]
    assert [one["name"] for one in client.get(following).json()] == ["Rusty-Man"]
    found = client.get("/heroes/?age__gt=40&sort=-name&fields=name").json()
    assert found == [{"name": "Rusty-Man"}]
    etag = client.get("/heroes/1").headers["etag"]
    changed = client.patch("/heroes/1", json={"age": 1}, headers={"if-match": etag})
    assert changed.status_code == 200
    changed = client.patch("/heroes/1", json={"age": 2}, headers={"if-match": etag})
    assert changed.status_code == 412
    assert len(heroes) == 2


def test_conflicts(client: Any) -> None:
    assert client.post("/teams/", json={"name": "X"}).status_code == 200
    conflict = client.post("/teams/", json={"name": "X"})
    assert conflict.status_code == 409
    assert conflict.json()["detail"][0]["loc"] == ["body", "name"]
    assert client.post("/teams/", json={"name": "Y"}).status_code == 200
    assert [one["name"] for one in client.get("/teams/").json()] == ["X", "Y"]


def test_without_the_override_the_lifespan_is_needed(project: Project) -> None:
    assert client_of(project.create()).get("/heroes/").status_code == 503


def test_an_override_with_dependencies_of_its_own(project: Project, session: Session) -> None:
    project.write(
        "own.py",
        """
from typing import Annotated

from fastapi import Depends, Header

sessions = {}


def choose(x_tenant: Annotated[str, Header()]):
    return sessions[x_tenant]


def get_session(session=Depends(choose)):
    yield session
""",
    )
    main, own = project.module("main"), project.module("own")
    own.sessions["a"] = session
    main.app.dependency_overrides[main.get_session] = own.get_session
    client = client_of(main.app)
    body = {"name": "Deadpond", "secret_name": "Dive Wilson"}
    assert client.post("/heroes/", json=body).status_code == 422
    assert client.post("/heroes/", json=body, headers={"x-tenant": "a"}).status_code == 200
    hero = project.module("heroes.models").Hero
    assert session.get_one(hero, 1).name == "Deadpond"


def test_a_transaction_in_an_overridden_session(project: Project, session: Session) -> None:
    project.write("own.py", TRANSACTION)
    build(project, "return build_application(settings or Settings(), [own.router, *ROUTERS])")
    main = project.module("main")
    main.app.dependency_overrides[main.get_session] = lambda: session
    client = client_of(main.app)
    failed = client.post("/both", json={"name": "A", "hero": "B", "fail": True})
    assert failed.status_code == 418
    assert (client.get("/heroes/").json(), client.get("/teams/").json()) == ([], [])
    assert client.post("/both", json={"name": "A", "hero": "B"}).status_code == 200
    assert client.post("/both", json={"name": "A", "hero": "C"}).status_code == 409
    assert [one["name"] for one in client.get("/heroes/").json()] == ["B"]


ITEM = """\
name: Item
fields:
  code: int pk
  name: str unique
  changed: datetime = now read_only touch
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  idempotency: true
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_operation_in_an_overridden_session(
    tmp_path: Path, kind: str, new_database: Callable[[str], str]
) -> None:
    project = Project.copied(emit(tmp_path, {"item": ITEM}), tmp_path)
    main, settings = project.module("main"), project.module("settings")
    url = new_database(kind)
    with project.module("kit.wiring").open_session(settings.Settings(database_url=url)) as session:
        main.app.dependency_overrides[main.get_session] = lambda: session
        client = client_of(main.app)
        first = {"code": 1, "name": "A"}
        key = {"idempotency-key": "1"}
        created = client.post("/items/", json=first, headers=key)
        assert created.status_code == 200, created.text
        again = client.post("/items/", json=first, headers=key)
        assert (again.content, again.headers["idempotent-replayed"]) == (created.content, "true")
        many = [{"code": 2, "name": "B"}, {"code": 3, "name": "C"}]
        assert len(client.post("/items/bulk", json=many).json()) == 2
        twice = [{"code": 4, "name": "D"}, {"code": 5, "name": "D"}]
        conflict = client.post("/items/bulk", json=twice)
        assert conflict.json()["detail"][0]["loc"] == ["body", 1, "name"]
        changes = [{"code": 3, "name": "B2"}, {"code": 2, "name": "C2"}]
        changed = client.patch("/items/bulk", json=changes)
        assert [one["name"] for one in changed.json()] == ["B2", "C2"]
        replaced = client.put("/items/6", json={"code": 6, "name": "F"})
        assert replaced.json()["name"] == "F"
        assert client.put("/items/6", json={"code": 6, "name": "A"}).status_code == 409
        assert client.delete("/items/bulk?code=1&code=6").json() == {"ok": True}
        assert client.delete("/items/bulk?code=1&code=2").status_code == 404
        found = [one["code"] for one in client.get("/items/?sort=-code").json()]
        assert found == [3, 2]
        assert client.get("/items/2").headers["etag"]
        item = project.module("items.models").Item
        assert session.get_one(item, 2).name == "C2"
        assert client.patch("/items/2", json={"name": "B3"}).status_code == 200
        assert session.get_one(item, 2).name == "B3"
    project.unload()


def test_relationships_in_an_overridden_session(root: Path, tmp_path: Path) -> None:
    """Handlers and the test use one session of an engine in memory: both see the same rows."""
    project = Project.copied(emit_spec(root, "teams", tmp_path / "emitted"), tmp_path)
    tables, main = project.module("models"), project.module("main")
    engine = create_engine(
        "sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool
    )
    tables.Hero.metadata.create_all(engine)
    with Session(engine) as session:
        main.app.dependency_overrides[main.get_session] = lambda: session
        client = client_of(main.app)
        session.connection().execute(text("PRAGMA foreign_keys = ON"))
        team = tables.Team(name="Preventers", headquarters="Sharp Tower")
        session.add(team)
        session.commit()
        body = {"name": "Rusty-Man", "secret_name": "Tommy Sharp", "team_id": team.id}
        assert client.post("/heroes/", json=body).json()["team_id"] == team.id
        assert [hero.name for hero in team.heroes] == ["Rusty-Man"]
        team.heroes[0].powers.append(tables.Power(name="wealth"))
        session.commit()
        included = client.get("/heroes/1?include=team,powers").json()
        assert included["team"]["name"] == "Preventers"
        assert included["powers"] == [{"name": "wealth", "id": 1}]
        missing = client.post("/heroes/", json=body | {"team_id": 9})
        assert missing.json()["detail"][0]["type"] == "no_target"
        assert client.delete(f"/teams/{team.id}").status_code == 409
        session.delete(team.heroes[0])
        session.commit()
        assert client.delete(f"/teams/{team.id}").json() == {"ok": True}
    engine.dispose()
    project.unload()
