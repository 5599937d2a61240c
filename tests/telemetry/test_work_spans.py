"""Functions of the owner, sessions, exports and webhooks have spans too."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.hooks.receiver import OLD_SECRET, SECRET, Receiver, answer, receiving
from tests.startup.started import Application
from tests.support.asgi import AsgiClient
from tests.telemetry.test_tracing import provider

ENTITIES = {
    "hero.yaml": """
name: Hero
fields: {name: str unique, age: int?}
hooks: [create, update, on_create]
actions: {promote: {takes: {reason: str}}}
api:
  operations: [create, list, read, update, delete, create_many]
  export: [csv, ndjson]
""",
    "team.yaml": "name: Team\nfields: {name: str}\n",
}
APP = """
tracing: true
webhooks: {crm: {events: [Team.created]}}
"""
HOOKS = '''\
"""What happens with heroes."""

from fastapi import HTTPException
from sqlmodel import select


def create(tx, hero):
    """Create a hero, unless one is as old."""
    if tx.session.exec(select(Model).where(Model.age == hero.age)).first():
        raise HTTPException(409, "secret reason")
    return tx.create(Model, hero)


def update(tx, hero, changes):
    """Fail."""
    raise RuntimeError("secret reason")


def promote(tx, hero, sent):
    """Promote a hero."""
    return hero


async def on_create(event):
    """Do nothing."""


from .models import Hero as Model  # noqa: E402
'''
HANDLERS = """

def _own():
    from fastapi import APIRouter
    from sqlalchemy import text
    from sqlmodel import select

    from .heroes.models import Hero
    from .kit.database import SessionDep
    from .kit.database.async_sessions import AsyncSessionDep

    router = APIRouter()

    @router.get("/own/oldest")
    def oldest(session: SessionDep) -> str:
        return session.exec(select(Hero).order_by(Hero.age.desc())).first().name

    @router.get("/own/async")
    async def names(session: AsyncSessionDep) -> list[str]:
        return [one.name for one in await session.exec(select(Hero))]

    @router.get("/own/wrong")
    def wrong(session: SessionDep) -> None:
        session.connection().execute(text("select 'FROM secret' from nothing"))

    return router


ROUTERS.insert(0, _own())
"""
SECRETS = f"{SECRET} {OLD_SECRET}"


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    tree = dict(render(load_texts(ENTITIES, APP)))
    tree["app/heroes/hooks.py"] = HOOKS
    tree["app/api.py"] += HANDLERS
    package = import_tree(tree)
    yield Application(package)
    unload(package)


class Traced:
    """An application with spans in memory."""

    def __init__(
        self, client: AsgiClient, exporter: InMemorySpanExporter, receiver: Receiver
    ) -> None:
        self._client = client
        self._exporter = exporter
        self.receiver = receiver
        """The receiver of messages; it accepts none."""

    async def spans(self, method: str, path: str, json: Any = None, **headers: str) -> list[str]:
        """Return the spans of a request, each with those above it."""
        self._exporter.clear()
        try:
            await self._client.request(method, path, json=json, headers=headers)
        except Exception:  # noqa: BLE001 - the server would have logged it
            assert path == "/own/wrong" or method == "PATCH"
        return paths(self._exporter.get_finished_spans())

    async def finished(self, name: str) -> ReadableSpan:
        """Return a span, once it has ended."""
        async with asyncio.timeout(60):
            while True:
                for span in self._exporter.get_finished_spans():
                    if span.name == name:
                        return span
                await asyncio.sleep(0.01)

    def one(self, name: str) -> ReadableSpan:
        [span] = [one for one in self._exporter.get_finished_spans() if one.name == name]
        return span


def paths(spans: Any) -> list[str]:
    by_id = {span.context.span_id: span for span in spans}

    def path(span: ReadableSpan) -> str:
        above = by_id[span.parent.span_id] if span.parent else None
        return span.name if above is None else f"{path(above)} > {span.name}"

    return [path(one) for one in spans if one.name != "heroes.hooks.on_create"]


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.fixture
def traced(application: Application, database: str) -> Callable[[Any], None]:
    """Return what runs a test with the application."""

    def run(work: Any, sampler: Any = None) -> None:
        made, exporter = provider(sampler)
        router = application.module("kit.telemetry.tracing").TracingRouter(made)
        application.module("api").ROUTERS[-1:] = [router]

        async def start() -> None:
            async with receiving() as receiver:
                receiver.answers = lambda _: answer(503)
                crm = {"webhook_crm_url": receiver.url, "webhook_crm_secret": SECRETS}
                async with application.running(database, **crm) as app:
                    await work(Traced(AsgiClient(app), exporter, receiver))

        asyncio.run(start())

    return run


def test_functions_and_their_statements(traced: Any) -> None:
    async def work(app: Traced) -> None:
        post = "POST /heroes/"
        found = await app.spans("POST", "/heroes/", {"name": "a", "age": 1})
        function = f"{post} > heroes.hooks.create"
        assert found[:2] == [f"{function} > SELECT hero", f"{function} > INSERT hero"]
        assert {function, post, f"{post} > INSERT _event"} <= {*found}
        span = app.one("heroes.hooks.create")
        assert attributes(span)["code.function.name"].endswith(".heroes.hooks.create")
        assert span.kind is SpanKind.INTERNAL
        event = await app.finished("heroes.hooks.on_create")
        assert event.parent is None
        await app.spans("POST", "/heroes/", {"name": "b", "age": 1})
        refused = app.one("heroes.hooks.create")
        assert attributes(refused)["error.type"] == "HTTPException"
        assert refused.status.status_code is StatusCode.UNSET
        assert await app.spans("PATCH", "/heroes/1", {"age": 2})
        failed = app.one("heroes.hooks.update")
        assert attributes(failed)["error.type"] == "RuntimeError"
        assert failed.status.status_code is StatusCode.ERROR
        assert "secret" not in failed.to_json()
        done = await app.spans("POST", "/heroes/1/promote", {"reason": "x"})
        assert "POST /heroes/{hero_id}/promote > heroes.hooks.promote" in done
        many = [{"name": f"m{number}", "age": 10 + number} for number in range(3)]
        done = await app.spans("POST", "/heroes/bulk", many)
        assert done.count("POST /heroes/bulk > heroes.hooks.create") == 3
        assert done.count("POST /heroes/bulk > heroes.hooks.create > INSERT hero") == 3

    traced(work)


def test_sessions_of_handlers(traced: Any, database: str) -> None:
    async def work(app: Traced) -> None:
        await app.spans("POST", "/heroes/", {"name": "a", "age": 1})
        oldest = "GET /own/oldest"
        assert await app.spans("GET", "/own/oldest") == [f"{oldest} > SELECT hero", oldest]
        statement = attributes(app.one("SELECT hero"))
        system = database.partition(":")[0]
        assert statement["db.system.name"] == system
        places = {"db.namespace", "server.address"} & statement.keys()
        assert len(places) == (2 if system == "postgresql" else 0)
        names = "GET /own/async"
        assert await app.spans("GET", "/own/async") == [f"{names} > SELECT hero", names]
        wrong = "GET /own/wrong"
        assert await app.spans("GET", "/own/wrong") == [f"{wrong} > SELECT nothing", wrong]
        failed = app.one("SELECT nothing")
        assert failed.status.status_code is StatusCode.ERROR
        code = attributes(failed)["db.response.status_code"]
        assert code == ("42P01" if system == "postgresql" else "SQLITE_ERROR")

    traced(work)


def test_exports(traced: Any) -> None:
    async def work(app: Traced) -> None:
        await app.spans("POST", "/heroes/", {"name": "a", "age": 1})
        for accept in ("text/csv", "application/x-ndjson"):
            found = await app.spans("GET", "/heroes/", accept=accept)
            snapshot = "GET /heroes/ > snapshot"
            assert {*found} == {f"{snapshot} > SELECT hero", snapshot, "GET /heroes/"}

    traced(work)


def test_messages_to_webhooks(traced: Any) -> None:
    async def work(app: Traced) -> None:
        await app.spans("POST", "/teams/", {"name": "a"})
        sent = await app.finished("POST")
        assert sent.parent is None
        assert sent.kind is SpanKind.CLIENT
        assert attributes(sent) == {
            "http.request.method": "POST",
            "app.webhook": "crm",
            "server.address": "127.0.0.1",
            "server.port": app.receiver.port,
            "http.response.status_code": 503,
            "error.type": "503",
        }

    traced(work)


def test_a_request_that_is_not_sampled_has_no_spans(traced: Any) -> None:
    async def work(app: Traced) -> None:
        assert await app.spans("POST", "/heroes/", {"name": "a", "age": 1}) == []
        assert await app.spans("GET", "/own/oldest") == []
        assert await app.spans("GET", "/heroes/", accept="text/csv") == []

    traced(work, ALWAYS_OFF)
