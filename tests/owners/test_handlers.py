"""Handlers, routers and dependencies of an owner beside the generated ones."""

from typing import Any

import pytest
from fastapi import FastAPI

from tests.owners.project import Project

MAIN = "main.py"
BUILD = "return build_application(settings or Settings(), ROUTERS)"
DEADPOND = {"name": "Deadpond", "age": 30, "secret_name": "Dive Wilson"}
OWN = '''"""Handlers of the owner."""

from fastapi import APIRouter
from pydantic import BaseModel

router = APIRouter(tags=["own"])


class Note(BaseModel):
    text: str


@router.get("/heroes/{id}", response_model=Note)
async def read_note(id: int):
    return {"text": f"hero {id}", "secret": 1}


@router.post("/heroes/", status_code=201, response_model=Note)
def create_note(note: Note):
    return note
'''


def build(project: Project, expression: str, imported: str = "from . import own") -> None:
    """Replace what create_app() returns."""
    project.import_in(MAIN, imported)
    project.replace(MAIN, BUILD, expression)


def operation(app: FastAPI, method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = app.openapi()["paths"][path][method]
    return found


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_of_two_handlers_the_first_is_used_and_documented(project: Project, *, first: bool) -> None:
    project.write("own.py", OWN)
    routers = "[own.router, *ROUTERS]" if first else "[*ROUTERS, own.router]"
    build(project, f"return build_application(settings or Settings(), {routers})")
    with project.clients() as clients:
        created = clients.ask("POST", "/heroes/", json={"text": "x"} if first else DEADPOND)
        assert created.status_code == (201 if first else 200)
        read = clients.ask("GET", "/heroes/1")
        assert read.json() == (
            {"text": "hero 1"} if first else {"name": "Deadpond", "age": 30, "id": 1}
        )
        document = clients.ask("GET", "/openapi.json").json()
    paths = document["paths"]
    assert paths["/heroes/"]["post"]["tags"] == ["own" if first else "heroes"]
    assert paths["/heroes/"]["get"]["operationId"] == "read_heroes"
    templates = [path for path in paths if path.startswith("/heroes/{")]
    read_template = "/heroes/{id}" if first else "/heroes/{hero_id}"
    assert paths[read_template]["get"]["tags"] == ["own" if first else "heroes"]
    assert paths["/heroes/{hero_id}"]["patch"]["operationId"] == "update_hero"
    assert (len(templates) == 2) == first
    assert ("Note" in document["components"]["schemas"]) == first
    assert ("HeroCreate" in document["components"]["schemas"]) != first


def test_a_handler_for_several_methods(project: Project) -> None:
    project.write(
        "own.py",
        """
from fastapi import APIRouter

router = APIRouter(tags=["own"])


@router.api_route("/heroes/{hero_id}", methods=["GET", "OPTIONS"])
async def read_or_ask(hero_id: int) -> int:
    return hero_id
""",
    )
    build(project, "return build_application(settings or Settings(), [*ROUTERS, own.router])")
    with project.clients() as clients:
        assert clients.ask("OPTIONS", "/heroes/7").json() == 7
        assert clients.ask("GET", "/heroes/7").status_code == 404
    app = project.create("document")
    with pytest.warns(UserWarning, match="Duplicate Operation ID"):
        app.openapi()
    assert operation(app, "get", "/heroes/{hero_id}")["operationId"] == "read_hero"
    assert operation(app, "options", "/heroes/{hero_id}")["tags"] == ["own"]


def test_a_hidden_handler_hides_the_generated_one(project: Project) -> None:
    project.write("own.py", OWN.replace("response_model=Note)", "include_in_schema=False)"))
    build(project, "return build_application(settings or Settings(), [own.router, *ROUTERS])")
    paths = project.create().openapi()["paths"]
    assert "post" not in paths["/heroes/"]
    assert "get" not in paths["/heroes/{hero_id}"]


def test_a_route_that_is_added_later_is_documented(project: Project) -> None:
    app = project.create()
    assert "/later" not in app.openapi()["paths"]
    app.add_api_route("/later", lambda: None)
    document = app.openapi()
    assert document["paths"].keys() >= {"/later", "/heroes/"}
    assert document is app.openapi()


TUTORIAL = '''"""The handlers of FastAPI's tutorial on SQL databases."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from sqlmodel import Session, select

from .heroes.models import Hero, HeroCreate, HeroPublic, HeroUpdate
from .kit.database import session as get_session

router = APIRouter()
SessionDep = Annotated[Session, Depends(get_session)]


@router.post("/heroes/", response_model=HeroPublic)
def create_hero(hero: HeroCreate, session: SessionDep):
    db_hero = Hero.model_validate(hero)
    session.add(db_hero)
    session.commit()
    session.refresh(db_hero)
    return db_hero


@router.get("/heroes/", response_model=list[HeroPublic])
def read_heroes(
    session: SessionDep, offset: int = 0, limit: Annotated[int, Query(le=100)] = 100
):
    heroes = session.exec(select(Hero).offset(offset).limit(limit)).all()
    return heroes


@router.get("/heroes/{hero_id}", response_model=HeroPublic)
def read_hero(hero_id: int, session: SessionDep):
    hero = session.get(Hero, hero_id)
    if not hero:
        raise HTTPException(status_code=404, detail="Hero not found")
    return hero


@router.patch("/heroes/{hero_id}", response_model=HeroPublic)
def update_hero(hero_id: int, hero: HeroUpdate, session: SessionDep):
    hero_db = session.get(Hero, hero_id)
    if not hero_db:
        raise HTTPException(status_code=404, detail="Hero not found")
    hero_data = hero.model_dump(exclude_unset=True)
    hero_db.sqlmodel_update(hero_data)
    session.add(hero_db)
    session.commit()
    session.refresh(hero_db)
    return hero_db


@router.delete("/heroes/{hero_id}")
def delete_hero(hero_id: int, session: SessionDep):
    hero = session.get(Hero, hero_id)
    if not hero:
        raise HTTPException(status_code=404, detail="Hero not found")
    session.delete(hero)
    session.commit()
    return {"ok": True}
'''


def test_the_handlers_of_the_tutorial(project: Project) -> None:
    project.write("own.py", TUTORIAL)
    build(project, "return build_application(settings or Settings(), [own.router, *ROUTERS])")
    public = {"name": "Deadpond", "age": 30, "id": 1}
    with project.clients() as clients:
        created = clients.ask("POST", "/heroes/", json=DEADPOND | {"id": 9})
        assert created.json() == public
        assert clients.ask("GET", "/heroes/").json() == [public]
        assert clients.ask("GET", "/heroes/1").json() == public
        changed = clients.ask("PATCH", "/heroes/1", json={"id": 9, "age": None})
        assert changed.json() == public | {"age": None}
        assert clients.ask("DELETE", "/heroes/1").json() == {"ok": True}
        assert clients.ask("GET", "/heroes/1").status_code == 404


CHECK = """
from typing import Annotated

from fastapi import Header, HTTPException


async def check(x_token: Annotated[str, Header()]) -> None:
    if x_token != "secret":
        raise HTTPException(status_code=400, detail="X-Token header invalid")
"""


@pytest.mark.parametrize(
    "expression",
    [
        """return build_application(
        settings or Settings(), ROUTERS, dependencies=[Depends(own.check)]
    )""",
        """app = build_application(settings or Settings(), [])
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(own.check)])
    return app""",
    ],
    ids=["application", "include_router"],
)
def test_a_dependency_of_every_handler(project: Project, expression: str) -> None:
    project.write("own.py", CHECK)
    build(project, expression, "from fastapi import Depends\nfrom . import own")
    with project.clients() as clients:
        assert clients.ask("GET", "/heroes/").status_code == 422
        wrong = clients.ask("GET", "/heroes/", headers={"x-token": "wrong"})
        assert (wrong.status_code, wrong.json()["detail"]) == (400, "X-Token header invalid")
        right = clients.ask("POST", "/heroes/", json=DEADPOND, headers={"x-token": "secret"})
        assert right.status_code == 200
    parameters = operation(project.create("document"), "post", "/heroes/")["parameters"]
    assert "x-token" in [one["name"] for one in parameters]


def test_a_dependency_of_one_router(project: Project) -> None:
    project.write("own.py", CHECK)
    project.import_in("heroes/routes.py", "from fastapi import Depends\nfrom ..own import check")
    project.replace(
        "heroes/routes.py",
        'Router(prefix="/heroes", tags=["heroes"])',
        'Router(prefix="/heroes", tags=["heroes"], dependencies=[Depends(check)])',
    )
    with project.clients() as clients:
        assert clients.ask("GET", "/heroes/").status_code == 422
        assert clients.ask("GET", "/heroes/", headers={"x-token": "secret"}).json() == []
        assert clients.ask("GET", "/teams/").json() == []


def test_a_security_scheme(project: Project) -> None:
    project.write(
        "own.py",
        """
from fastapi.security import HTTPBearer

bearer = HTTPBearer()
""",
    )
    build(
        project,
        "return build_application(settings or Settings(), ROUTERS,"
        " dependencies=[Depends(own.bearer)])",
        "from fastapi import Depends\nfrom . import own",
    )
    with project.clients() as clients:
        assert clients.ask("GET", "/heroes/1").status_code == 401
        bearer = {"authorization": "Bearer x"}
        assert clients.ask("GET", "/heroes/1", headers=bearer).status_code == 404
    app = project.create("document")
    assert operation(app, "get", "/heroes/{hero_id}")["security"] == [{"HTTPBearer": []}]
    assert "HTTPBearer" in app.openapi()["components"]["securitySchemes"]


def test_an_overridden_dependency(project: Project) -> None:
    project.write("own.py", CHECK)
    build(
        project,
        "return build_application(settings or Settings(), ROUTERS,"
        " dependencies=[Depends(own.check)])",
        "from fastapi import Depends\nfrom . import own",
    )
    app = project.create()
    app.dependency_overrides[project.module("own").check] = lambda: None
    with project.client(app) as client:
        assert client.get("/heroes/").json() == []


def test_background_tasks_of_an_own_and_a_generated_handler(project: Project) -> None:
    project.write(
        "own.py",
        """
from fastapi import APIRouter, BackgroundTasks, Request, Response

from .heroes.models import HeroCreate
from .heroes.routes import heroes
from .kit.database import DatabaseDep

router = APIRouter()
sent = []


@router.post("/recruit")
async def recruit(
    hero: HeroCreate, request: Request, db: DatabaseDep, tasks: BackgroundTasks
) -> Response:
    tasks.add_task(sent.append, hero.name)
    return await heroes.create(db, request, hero)


@router.get("/plain")
def plain(tasks: BackgroundTasks) -> str:
    tasks.add_task(sent.append, "plain")
    return "x"
""",
    )
    build(project, "return build_application(settings or Settings(), [own.router, *ROUTERS])")
    with project.client() as client:
        assert client.post("/recruit", json=DEADPOND).json()["id"] == 1
        assert client.get("/plain").json() == "x"
        assert project.module("own").sent == ["Deadpond", "plain"]


def test_own_response_classes(project: Project) -> None:
    project.write(
        "own.py",
        """
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, StreamingResponse

router = APIRouter()


@router.get("/page", response_class=HTMLResponse)
def page() -> str:
    return "<h1>Heroes</h1>"


@router.get("/heroes/{hero_id}")
async def stream(hero_id: int) -> StreamingResponse:
    async def parts():
        yield b"hero "
        yield str(hero_id).encode()
    return StreamingResponse(parts(), media_type="text/plain")


@router.get("/old", response_class=RedirectResponse)
def old():
    return "/heroes/"
""",
    )
    build(project, "return build_application(settings or Settings(), [own.router, *ROUTERS])")
    with project.clients() as clients:
        page = clients.ask("GET", "/page")
        assert (page.text, page.headers["content-type"]) == (
            "<h1>Heroes</h1>",
            "text/html; charset=utf-8",
        )
        assert clients.ask("GET", "/heroes/7").text == "hero 7"
        assert clients.ask("GET", "/old").json() == [], "redirected to the list"


def test_a_generated_handler_that_is_edited(project: Project) -> None:
    routes = "heroes/routes.py"
    project.import_in(routes, "from fastapi import HTTPException")
    project.replace(
        routes,
        "    return await heroes.create(db, request, hero)\n",
        """    if hero.name == "Villain":
        raise HTTPException(403, "No villains")
    response = await heroes.create(db, request, hero)
    response.headers["X-Hero"] = "new"
    return response
""",
    )
    with project.clients() as clients:
        refused = clients.ask("POST", "/heroes/", json=DEADPOND | {"name": "Villain"})
        assert (refused.status_code, refused.json()) == (403, {"detail": "No villains"})
        assert clients.ask("POST", "/heroes/", json=DEADPOND).headers["x-hero"] == "new"


def test_a_handler_in_a_generated_router(project: Project) -> None:
    routes = "heroes/routes.py"
    project.import_in(
        routes, "from sqlmodel import func, select\nfrom ..kit.database import SessionDep"
    )
    project.replace(
        routes,
        "@router.post(\n",
        """@router.get("/count")
def count_heroes(session: SessionDep) -> int:
    return session.exec(select(func.count()).select_from(Hero)).one()


@router.post(
""",
    )
    with project.clients() as clients:
        clients.ask("POST", "/heroes/", json=DEADPOND)
        assert clients.ask("GET", "/heroes/count").json() == 1
        assert clients.ask("GET", "/heroes/1").json()["name"] == "Deadpond"
