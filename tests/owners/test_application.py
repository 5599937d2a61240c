"""Middleware, mounts, prefixes and exception handlers of an owner."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI, WebSocket

from tests.owners.project import Project
from tests.owners.test_handlers import BUILD, DEADPOND, MAIN, build

BUILT = "app = build_application(settings or Settings(), ROUTERS)"


def test_own_middleware(project: Project) -> None:
    project.replace(
        MAIN,
        BUILD,
        f"""{BUILT}

    @app.middleware("http")
    async def add_header(request, call_next):
        response = await call_next(request)
        response.headers["X-Own"] = request.url.path
        return response

    return app""",
    )
    with project.clients() as clients:
        assert clients.ask("POST", "/heroes/", json=DEADPOND).headers["x-own"] == "/heroes/"
        read = clients.ask("GET", "/heroes/1")
        assert (read.headers["x-own"], read.json()["name"]) == ("/heroes/1", "Deadpond")


def test_middleware_of_starlette(project: Project) -> None:
    build(
        project,
        f"""{BUILT}
    app.add_middleware(GZipMiddleware, minimum_size=10)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["testserver"])
    return app""",
        "from starlette.middleware.gzip import GZipMiddleware\n"
        "from starlette.middleware.trustedhost import TrustedHostMiddleware",
    )
    with project.clients() as clients:
        clients.ask("POST", "/heroes/", json=DEADPOND)
        read = clients.ask("GET", "/heroes/1")
        assert (read.headers["content-encoding"], read.json()["id"]) == ("gzip", 1)
        assert clients.ask("GET", "/heroes/1", headers={"host": "evil"}).status_code == 400


def test_pure_asgi_middleware_around_the_application(project: Project) -> None:
    project.write(
        "own.py",
        """
class Marker:
    def __init__(self, app, mark):
        self.app, self.mark = app, mark

    async def __call__(self, scope, receive, send):
        async def marked(message):
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-mark", self.mark))
            await send(message)
        await self.app(scope, receive, marked)
""",
    )
    build(project, f"{BUILT}\n    app.add_middleware(own.Marker, mark=b'yes')\n    return app")
    with project.clients() as clients:
        assert clients.ask("GET", "/heroes/").headers["x-mark"] == "yes"


def test_cors(project: Project) -> None:
    build(
        project,
        f"""{BUILT}
    app.add_middleware(CORSMiddleware, allow_origins=["https://a.example"], allow_methods=["*"])
    return app""",
        "from fastapi.middleware.cors import CORSMiddleware",
    )
    with project.clients() as clients:
        origin = {"origin": "https://a.example"}
        allowed = clients.ask("GET", "/heroes/", headers=origin)
        assert allowed.headers["access-control-allow-origin"] == "https://a.example"
        preflight = {**origin, "access-control-request-method": "PATCH"}
        assert clients.ask("OPTIONS", "/heroes/1", headers=preflight).status_code == 200


def test_a_websocket_of_the_owner(project: Project) -> None:
    project.write(
        "own.py",
        """
from fastapi import APIRouter, WebSocket

router = APIRouter()


@router.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text() + "!")
    await websocket.close()
""",
    )
    build(project, "return build_application(settings or Settings(), [own.router, *ROUTERS])")
    with project.client() as client, client.websocket_connect("/ws") as socket:
        socket.send_text("hi")
        assert socket.receive_text() == "hi!"
        assert client.get("/heroes/").json() == []


def test_mounted_below_another_application(project: Project) -> None:
    app = project.create()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with app.router.lifespan_context(app):
            yield

    outer = FastAPI(lifespan=lifespan)

    @outer.get("/heroes/")
    def own() -> str:
        return "outer"

    @outer.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    outer.mount("/crud", app)
    with project.client(outer) as client:
        assert client.get("/heroes/").json() == "outer"
        created = client.post("/crud/heroes/", json=DEADPOND)
        assert created.headers["location"] == "/crud/heroes/1"
        assert client.get(created.headers["location"]).json()["name"] == "Deadpond"
        assert client.get("/crud/openapi.json").json()["servers"] == [{"url": "/crud"}]
        assert client.get("/crud/heroes/?limit=1").headers["link"]


def test_another_application_mounted_below(project: Project) -> None:
    project.write(
        "own.py",
        """
from fastapi import FastAPI

admin = FastAPI()


@admin.get("/{name}")
def page(name: str) -> str:
    return f"admin {name}"
""",
    )
    build(project, f"{BUILT}\n    app.mount('/admin', own.admin)\n    return app")
    with project.clients() as clients:
        assert clients.ask("GET", "/admin/users").json() == "admin users"
        assert clients.ask("GET", "/admin/openapi.json").json()["paths"].keys() == {"/{name}"}
        assert clients.ask("GET", "/heroes/").json() == []


def test_static_files(project: Project) -> None:
    project.path("static").mkdir()
    project.write("static/logo.txt", "logo")
    build(
        project,
        f"{BUILT}\n    app.mount('/static', StaticFiles(directory={str(project.path('static'))!r}))"
        "\n    return app",
        "from fastapi.staticfiles import StaticFiles",
    )
    with project.clients() as clients:
        assert clients.ask("GET", "/static/logo.txt").text == "logo"


def test_versioned_prefixes(project: Project) -> None:
    project.replace(
        MAIN,
        BUILD,
        """app = build_application(settings or Settings(), [])
    for router in ROUTERS:
        app.include_router(router, prefix="/v1")
        app.include_router(router, prefix="/v2")
    return app""",
    )
    with project.clients() as clients:
        for version in ("v1", "v2"):
            created = clients.ask("POST", f"/{version}/heroes/", json=DEADPOND)
            assert created.headers["location"].startswith(f"/{version}/heroes/")
            assert clients.ask("GET", created.headers["location"]).json() == created.json()
            page = clients.ask("GET", f"/{version}/heroes/?limit=1")
            assert f"</{version}/heroes/" in page.headers["link"]
        assert clients.ask("GET", "/heroes/").status_code == 404
    with pytest.warns(UserWarning, match="Duplicate Operation ID"):
        paths = project.create("document").openapi()["paths"]
    assert {"/v1/heroes/{hero_id}", "/v2/heroes/{hero_id}"} <= paths.keys()


def test_own_exception_handlers(project: Project) -> None:
    project.write(
        "own.py",
        """
from fastapi.responses import JSONResponse


class TooHeroic(Exception):
    pass


async def too_heroic(request, error):
    return JSONResponse({"message": "too heroic"}, status_code=418)


async def invalid(request, error):
    return JSONResponse({"errors": len(error.errors())}, status_code=400)


async def http(request, error):
    return JSONResponse({"error": error.detail}, status_code=error.status_code)
""",
    )
    project.import_in("heroes/routes.py", "from ..own import TooHeroic")
    project.replace(
        "heroes/routes.py",
        "    return await heroes.create(db, request, hero)\n",
        """    if hero.age == 99:
        raise TooHeroic
    return await heroes.create(db, request, hero)
""",
    )
    build(
        project,
        f"""{BUILT}
    app.add_exception_handler(own.TooHeroic, own.too_heroic)
    app.add_exception_handler(RequestValidationError, own.invalid)
    app.add_exception_handler(HTTPException, own.http)
    return app""",
        "from fastapi import HTTPException\n"
        "from fastapi.exceptions import RequestValidationError\nfrom . import own",
    )
    with project.clients() as clients:
        heroic = clients.ask("POST", "/heroes/", json=DEADPOND | {"age": 99})
        assert (heroic.status_code, heroic.json()) == (418, {"message": "too heroic"})
        invalid = clients.ask("POST", "/heroes/", json={"age": "x"})
        assert (invalid.status_code, invalid.json()) == (400, {"errors": 3})
        missing = clients.ask("GET", "/heroes/7")
        assert (missing.status_code, missing.json()) == (404, {"error": "Hero not found"})


def test_a_lifespan_with_state(project: Project) -> None:
    project.write(
        "own.py",
        """
from contextlib import asynccontextmanager

from fastapi import APIRouter, Request

router = APIRouter()


@asynccontextmanager
async def lifespan(app):
    yield {"motto": "with great power"}


@router.get("/motto")
async def motto(request: Request) -> str:
    return request.state.motto
""",
    )
    build(
        project,
        "return build_application(settings or Settings(), [own.router, *ROUTERS],"
        " lifespan=own.lifespan)",
    )
    with project.clients() as clients:
        assert clients.ask("GET", "/motto").json() == "with great power"
        assert clients.ask("GET", "/heroes/").json() == []


def test_a_custom_document(project: Project) -> None:
    project.replace(
        MAIN,
        BUILD,
        f"""{BUILT}
    original = app.openapi

    def openapi():
        document = original()
        document["info"]["x-logo"] = {{"url": "/logo.png"}}
        return document

    app.openapi = openapi
    return app""",
    )
    with project.clients() as clients:
        document = clients.ask("GET", "/openapi.json").json()
        assert document["info"]["x-logo"] == {"url": "/logo.png"}
