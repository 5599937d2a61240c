"""Handlers of one's own keep the rules: `Guarded.readable` and `require`."""

import asyncio
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.test_rules import SECRET
from tests.access.vocabulary import Asker
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

pytestmark = pytest.mark.long

APP = """\
auth:
  roles: [editor, hr]
  me: {id: int = sub, org: str?, teams: list(int)?, unit: uuid?}
"""
RULES: Mapping[str, str] = {
    "owner": "[user if owner_id = me, editor]",
    "state": "['anyone if state = open and level in (1, 2)', user if level >= 2 and not hidden]",
    "list": "[user if level in me.teams]",
    "text": "[user if text = me.org or me.org = 'all', hr if text is null]",
    "unit": "[user if unit = me.unit]",
    "time": "[user if due < '2026-01-02T00:00:00Z']",
    "lead": "[user if team.lead_id = me]",
    "members": "[user if me in team.members.user_id]",
    "nobody": "nobody",
    "open": "anyone",
}
"""Rules of reading, by the name of the entity that has them."""
HOOKED = {"owner", "list"}
"""Entities with a function of the owner."""
FIELDS = (
    "{owner_id: int?, level: int, state: 'enum(open, closed)', hidden: bool, text: str?, "
    "unit: uuid?, due: datetime?, team_id: -> Team?}"
)
SPEC = {
    "team.yaml": (
        "name: Team\nfields: {lead_id: int?}\naccess: {read: anyone, create: anyone}\n"
        "api: {operations: [create, list]}\n"
    ),
    "member.yaml": (
        "name: Member\nfields: {team_id: '-> Team cascade inverse(members)', user_id: int}\n"
        "access: {read: nobody, create: anyone}\napi: {operations: [create]}\n"
    ),
    **{
        f"{name}.yaml": (
            f"name: {name.title()}Note\nfields: {FIELDS}\n"
            f"access: {{read: {rule}, create: anyone}}\n"
            "api: {operations: [create_many, list]}\n"
            f"{'hooks: [create]' if name in HOOKED else ''}\n"
        )
        for name, rule in RULES.items()
    },
}
UNITS = [str(UUID(int=1)), str(UUID(int=2))]
CALLERS: Sequence[Mapping[str, Any]] = (
    {"by": None},
    {"by": 1},
    {"by": 2, "teams": [1, 3], "org": "é", "unit": UNITS[0]},
    {"by": 2, "teams": [], "org": "all"},
    {"by": 3, "roles": ["editor"], "unit": UNITS[1]},
    {"by": 3, "roles": ["hr"], "org": "x"},
)
ROUTES = """\
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import false
from sqlmodel import func, or_, select

from {package}.caller import Caller
from {package}.kit.access.may import require
from {package}.kit.access.rules import ANYONE, USER, role
from {package}.kit.database import SessionDep
from {package}.kit.http.routing import Route

router = APIRouter(route_class=Route)
plain = APIRouter()
Anyone = Annotated[Caller | None, require(Caller, ANYONE)]
User = Annotated[Caller, require(Caller, USER)]
Staff = Annotated[Caller, require(Caller, role("editor"), role("hr"))]


@router.get("/own/user")
@plain.get("/plain/user")
def user(me: User) -> int:
    return me.id


@router.get("/own/staff")
@plain.get("/plain/staff")
def staff(me: Staff) -> list[str]:
    return sorted(me.roles)
"""
OF_ENTITY = """\

from {package}.{folder}.models import {model}
from {package}.{folder}.routes import {folder} as {folder}


@router.get("/own/{folder}")
def own_{folder}(session: SessionDep, me: Anyone) -> list[int | None]:
    readable = {folder}.readable(me)
    found = session.exec(select({model}).where(readable).order_by({model}.id)).all()
    count = session.exec(select(func.count()).select_from({model}).where(readable)).one()
    either = session.exec(select({model}.id).where(or_(readable, false()))).all()
    assert count == len(found) == len(either)
    return [one.id for one in found]
"""


@pytest.fixture(scope="module")
def package() -> Iterator[ModuleType]:
    package = import_tree(render(load_texts(SPEC, APP)))
    yield package
    unload(package)


@pytest.fixture
def routes(package: ModuleType, tmp_path: Path) -> Iterator[Any]:
    """The module with handlers for all entities."""
    text = ROUTES.format(package=package.__name__)
    for name in RULES:
        text += OF_ENTITY.format(
            package=package.__name__, folder=f"{name}_notes", model=f"{name.title()}Note"
        )
    (tmp_path / "own_routes.py").write_text(text)
    sys.path.insert(0, str(tmp_path))
    yield importlib.import_module("own_routes")
    sys.path.remove(str(tmp_path))
    del sys.modules["own_routes"]


def rows() -> list[dict[str, Any]]:
    return [
        {
            "owner_id": (None, 1, 2, 3)[n % 4],
            "level": n % 5,
            "state": ("open", "closed")[n % 2],
            "hidden": n % 3 == 0,
            "text": (None, "é", "x")[n % 3],
            "unit": (*UNITS, None)[n % 3],
            "due": (None, "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z")[n % 3],
            "team_id": (None, 1, 2)[n % 3],
        }
        for n in range(60)
    ]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_handlers_read_what_the_list_has(
    kind: str, package: ModuleType, routes: Any, new_database: Callable[[str], str]
) -> None:
    async def check() -> None:
        application, url = Application(package), new_database(kind)
        async with application.running(url, auth_secret=SECRET, secret_key=SECRET) as app:
            app.include_router(routes.router)
            app.include_router(routes.plain)
            asker = Asker(AsgiClient(app), application.engine(url), application)
            for lead in (1, 2):
                await asker.status("POST /teams/", {"lead_id": lead})
            await asker.status("POST /members/", {"team_id": 2, "user_id": 1})
            for name in RULES:
                path = f"/{name}-notes/bulk"
                assert await asker.status(f"POST {path}", rows(), by=None) in {200, 204}
            sizes = set()
            for caller in CALLERS:
                for name in RULES:
                    sizes.add(await compare(asker, name, caller))
                await check_required(asker, caller)
            assert len(sizes) > 5

    asyncio.run(check())


async def compare(asker: Asker, name: str, caller: Mapping[str, Any]) -> int:
    """Compare a list with the handler of one's own; return the number of rows."""
    listed = await asker.ask(f"GET /{name}-notes/", **caller)
    own = await asker.ask(f"GET /own/{name}_notes", **caller)
    assert own.status_code == listed.status_code, own.text
    if listed.status_code != 200:
        assert own.content == listed.content
        return -1
    assert own.json() == [one["id"] for one in listed.json()], (name, caller)
    return len(own.json())


async def check_required(asker: Asker, caller: Mapping[str, Any]) -> None:
    """Compare what `require` allows with the roles of the caller, also in plain routes."""
    roles = caller.get("roles", [])
    for start in ("own", "plain"):
        user = await asker.ask(f"GET /{start}/user", **caller)
        staff = await asker.ask(f"GET /{start}/staff", **caller)
        if caller["by"] is None:
            assert [user.status_code, staff.status_code] == [401, 401]
            continue
        assert user.json() == caller["by"]
        assert staff.status_code == (200 if roles else 403)
        if not roles:
            assert "needs the role editor or hr" in staff.text
    invalid = {"authorization": "Bearer x"}
    assert (await asker.ask("GET /own/user", by=None, headers=invalid)).status_code == 401


def test_openapi_has_the_credentials(package: ModuleType, routes: Any) -> None:
    app = Application(package).module("main").create_app()
    app.include_router(routes.router)
    described = app.openapi()["paths"]
    assert described["/own/staff"]["get"]["security"] == [{"token": []}]


def test_require_rejects_other_rules(package: ModuleType) -> None:
    application = Application(package)
    known, caller = application.module("kit.access.rules"), application.module("caller")
    model = application.module("owner_notes.models").OwnerNote
    rule = known.USER.when("owner_id = me", model.owner_id == caller.me.id)
    require = application.module("kit.access.may").require
    for rules, message in (
        ([rule], "user if owner_id = me\n"),
        ([known.USER, known.role("edtor")], "Unknown role 'edtor'\n .*: editor, hr"),
        ([], "needs a rule"),
    ):
        with pytest.raises(application.startup_error, match=message):
            require(caller.Caller, *rules)
