"""OpenTelemetry gets one span of each request, whichever way it took, and those of statements."""

import asyncio
import threading
import types
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import NullPool, create_engine
from starlette.applications import Starlette

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.kit.database.engines import Engines
from crudgen.kit.http.exchange import Exchange
from crudgen.kit.telemetry.request_spans import RequestSpans
from crudgen.kit.telemetry.session_spans import trace_sessions
from crudgen.kit.telemetry.statement_spans import StatementSpans
from crudgen.kit.telemetry.trace_ids import SampledTraceIds
from crudgen.language import load_texts
from tests.startup.started import Application
from tests.support.asgi import AsgiClient
from tests.telemetry.test_metrics import HERO, ask_all, mount_own_routes

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    package = import_tree(render(load_texts({"hero.yaml": HERO}, "tracing: true")))
    yield Application(package)
    unload(package)


def provider(sampler: Sampler | None = None) -> tuple[TracerProvider, InMemorySpanExporter]:
    made, exporter = TracerProvider(sampler=sampler), InMemorySpanExporter()
    made.add_span_processor(SimpleSpanProcessor(exporter))
    return made, exporter


def running(application: Application, path: Path, made: TracerProvider, **more: Any) -> Any:
    """Start the application with a provider of the test: the global one can be set only once."""
    api = application.module("api")
    router = application.module("kit.telemetry.tracing").TracingRouter(made)
    api.ROUTERS[-1:] = [router]
    return application.running(f"sqlite:///{path}/app.db", **more)


def labels(span: ReadableSpan) -> tuple[str, str, str]:
    found = span.attributes or {}
    route = found.get("http.route", "unmatched")
    status = found["http.response.status_code"]
    return str(found["http.request.method"]), str(route), str(status)


@pytest.mark.parametrize("shortcut", [True, pytest.param(False, marks=pytest.mark.long)])
def test_a_thousand_requests_have_one_span_each(
    application: Application, tmp_path: Path, *, shortcut: bool
) -> None:
    made, exporter = provider()

    async def work() -> Counter[tuple[str, str, str]]:
        async with running(application, tmp_path, made, shortcut=shortcut) as app:
            mount_own_routes(app)
            return await ask_all(AsgiClient(app))

    expected = asyncio.run(work())
    spans = exporter.get_finished_spans()
    requests = [one for one in spans if one.kind is SpanKind.SERVER]
    assert Counter(map(labels, requests)) == expected
    assert all(one.parent is None for one in requests)
    failed = [one for one in requests if one.status.status_code is StatusCode.ERROR]
    assert {(one.attributes or {})["error.type"] for one in failed} == {"RuntimeError"}
    assert len(failed) == 80
    entities = {str(one.name): (one.attributes or {}).get("app.entity") for one in requests}
    assert entities["GET /heroes/{hero_id}"] == "heroes"
    assert entities["GET /own/fails/{name}"] is None
    statements = [one for one in spans if one.kind is SpanKind.CLIENT]
    parents = {one.context.span_id for one in requests}
    assert {one.parent.span_id if one.parent else 0 for one in statements} <= parents
    names = Counter(one.name for one in statements)
    assert {"SELECT hero", "INSERT hero", "UPDATE hero", "DELETE hero"} <= names.keys()
    assert names["UPDATE hero"] == 40
    duplicates = [one for one in statements if one.status.status_code is StatusCode.ERROR]
    assert len(duplicates) == 40
    assert "hero 7" not in str([one.to_json() for one in statements])


def test_spans_continue_the_trace_of_the_client(application: Application, tmp_path: Path) -> None:
    made, exporter = provider(ParentBased(ALWAYS_OFF))

    async def work() -> None:
        async with running(application, tmp_path, made) as app:
            client = AsgiClient(app)
            for sent in (
                f"00-{TRACE}-{PARENT}-01",
                f"00-{TRACE}-{PARENT}-00",
                f"00-{TRACE}-{PARENT}",
                "",
                "\xe9",
            ):
                await client.get("/heroes/", headers={"traceparent": sent})

    asyncio.run(work())
    statement, request = exporter.get_finished_spans()
    assert (request.name, statement.name) == ("GET /heroes/", "SELECT hero")
    assert f"{request.context.trace_id:032x}" == TRACE
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == PARENT
    assert statement.parent is not None
    assert statement.parent.span_id == request.context.span_id


def test_names_of_spans_have_few_values(application: Application, tmp_path: Path) -> None:
    made, exporter = provider()

    async def work() -> None:
        async with running(application, tmp_path, made) as app:
            for path in ("/heroes/", "/nothing"):
                await AsgiClient(app).request("MADEUP", path)

    asyncio.run(work())
    known, unknown = exporter.get_finished_spans()
    assert (known.name, unknown.name) == ("HTTP /heroes/", "HTTP")
    assert (known.attributes or {})["http.request.method"] == "_OTHER"
    assert (known.attributes or {})["http.request.method_original"] == "MADEUP"


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT a, (SELECT count(*) FROM (SELECT 1 FROM b) AS c) FROM hero", "SELECT hero"),
        ('SELECT a FROM "hero" WHERE id IN (SELECT id FROM b)', "SELECT hero"),
        ("INSERT INTO hero (a) SELECT a FROM b", "INSERT hero"),
        ("SELECT (SELECT 1 FROM b) FROM (SELECT max((id)) FROM hero) AS c", "SELECT hero"),
        ("SELECT (SELECT a FROM b)", "SELECT"),
        ("SELECT 1", "SELECT"),
        ("(select 1 from hero)", "SELECT"),
        ("UPDATE hero SET name = 'x FROM y'", "UPDATE hero"),
        ("SELECT 'x FROM y'", "SELECT"),
        ("/* hint */", "sqlite"),
        ("/* FROM hunter2 */ SELECT 1", "SELECT"),
        ("-- FROM hunter2\nSELECT a FROM hero", "SELECT hero"),
        (r"SELECT E'it\' FROM secret'", "SELECT"),
        ("SELECT $a$ FROM secret $a$", "SELECT"),
        ("DELETE FROM ONLY hero", "DELETE hero"),
    ],
)
def test_a_statement_is_named_by_its_own_table(
    application: Application, sql: str, name: str
) -> None:
    made, exporter = provider()

    class Backend:
        write = write_all = try_read = None

        async def read(self, *_args: Any, **_options: Any) -> list[Any]:
            return []

    backend, tracer = Backend(), made.get_tracer("test")
    module = application.module("kit.telemetry.statement_spans")
    module.trace_statements(backend, module.StatementSpans(tracer, "sqlite", "sqlite:///app.db"))
    with tracer.start_as_current_span("request"):
        asyncio.run(backend.read(types.SimpleNamespace(sql=sql), {}, short=True))
    assert exporter.get_finished_spans()[0].name == name


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ("postgresql://ann@db.internal/shop%20a", ("shop a", "db.internal", 5432)),
        ("postgresql://[::1]:5433/shop", ("shop", "::1", 5433)),
        ("postgresql://db.internal/shop%2Fa", ("shop/a", "db.internal", 5432)),
        ("postgresql:///shop", ("shop", None, None)),
        ("postgresql://ann@/run/postgresql:5433/shop", ("shop", "/run/postgresql", None)),
        ("postgresql://a:1,b:2/shop", ("shop", None, None)),
        ("postgresql://a/", (None, "a", 5432)),
    ],
)
def test_statements_name_their_server(
    application: Application, where: str, place: tuple[Any, ...]
) -> None:
    made, _ = provider()
    module = application.module("kit.telemetry.statement_spans")
    found = module.StatementSpans(made.get_tracer("test"), "postgresql", where).attributes
    assert found.pop("db.system.name") == "postgresql"
    names = ("db.namespace", "server.address", "server.port")
    assert found == {name: value for name, value in zip(names, place, strict=True) if value}


def stack(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    del monkeypatch
    app.build_middleware_stack = types.MethodType(type(app).build_middleware_stack, app)


def call(_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Starlette.__call__

    async def patched(self: Any, scope: Any, receive: Any, send: Any) -> None:
        await original(self, scope, receive, send)

    monkeypatch.setattr(Starlette, "__call__", patched)


def own_provider(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    del monkeypatch
    vars(app)["_telemetry"]["meter_provider"] = object()


@pytest.mark.parametrize("patch", [stack, call, own_provider, None])
def test_instrumentation_of_others_sees_all_requests(
    application: Application,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    patch: Any,
) -> None:
    made, _ = provider()

    async def work() -> int:
        async with running(application, tmp_path, made) as app:
            if patch is not None:
                patch(app, monkeypatch)
            found = [vars(app)["_shortcut"].find("GET", "/heroes/") for _ in range(2)]
            return sum(one is not None for one in found)

    with caplog.at_level("INFO"):
        found = asyncio.run(work())
    said = [one.getMessage() for one in caplog.records if "SHORTCUT" in one.getMessage()]
    assert found == (0 if patch else 2)
    assert len(said) == (patch is not None)


def test_the_end_waits_for_the_collector_for_a_limited_time(
    application: Application, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module = application.module("kit.telemetry.provider")
    assert module.FLUSH_SECONDS == 3
    begun, hangs, ends = threading.Event(), threading.Event(), threading.Event()
    given: list[int] = []

    class Provider:
        """Takes longer than it may, as the SDK does while an exporter repeats its request."""

        def force_flush(self, timeout_millis: int) -> bool:
            given.append(timeout_millis)
            begun.set()
            hangs.wait()
            ends.set()
            return True

    monkeypatch.setattr(module.trace, "get_tracer_provider", Provider)
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.01)
    module.flush()
    assert begun.wait(60)
    assert given == [10]
    [line] = [one.getMessage() for one in caplog.records if one.name == module.__name__]
    assert line == "tracing: the collector has not taken the last spans within 0.01 seconds"
    caplog.clear()
    hangs.set()
    assert ends.wait(60)
    monkeypatch.setattr(module, "FLUSH_SECONDS", 60)
    module.flush()
    assert not [one for one in caplog.records if one.name == module.__name__]


def test_a_request_that_is_sampled_in_advance_has_that_trace() -> None:
    ids = SampledTraceIds()
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(0.25)), id_generator=ids)
    tracer = provider.get_tracer("test")
    asked = range(400)
    assert 50 < sum(ids.is_sampled(provider, "GET", {}) for _ in asked) < 150
    spans = [
        tracer.start_span("GET", Context()) for _ in asked if ids.is_sampled(provider, "GET", {})
    ]
    assert all(span.is_recording() for span in spans)
    assert len({span.get_span_context().trace_id for span in spans}) == len(spans)
    others = [tracer.start_span("GET", Context()) for _ in asked]
    assert 50 < sum(span.is_recording() for span in others) < 150
    always = TracerProvider(id_generator=ids)
    assert ids.is_sampled(always, "GET", {})
    assert ids.generate_trace_id() != ids.generate_trace_id()


def test_a_request_that_begins_again_has_no_second_decision() -> None:
    asked: list[int] = []

    class Counting(Sampler):
        def should_sample(self, *arguments: Any, **options: Any) -> Any:
            asked.append(1)
            return ALWAYS_OFF.should_sample(*arguments, **options)

        def get_description(self) -> str:
            return "counting"

    made = TracerProvider(sampler=Counting(), id_generator=SampledTraceIds())
    spans = RequestSpans(made.get_tracer("test"), made)
    scope = {"type": "http", "method": "GET", "path": "/heroes/1", "headers": []}
    notes: dict[Any, Any] = {}
    assert spans.ignores("GET", "/heroes/1", notes)
    for _ in range(2):
        exchange = Exchange(scope, send_nothing, [spans], notes)
        exchange.begin()
        current = trace.get_current_span()
        assert current.get_span_context().is_valid
        assert not current.is_recording()
        exchange.forget()
    assert asked == [1]


async def send_nothing(_message: Any) -> None:
    raise AssertionError


def test_statements_without_a_context_have_no_span() -> None:
    """SQLAlchemy passes none for its own cursors, such as those that reset a connection."""
    made, exporter = provider()
    engine = create_engine("sqlite://", poolclass=NullPool)
    engines = Engines()
    engines.add(engine)
    spans = StatementSpans(made.get_tracer("test"), "sqlite", "memory")
    trace_sessions(engines, spans)
    with made.get_tracer("test").start_as_current_span("work"), engine.connect() as connection:
        cursor = connection.connection.cursor()
        for name in ("before_cursor_execute", "after_cursor_execute"):
            getattr(connection.dispatch, name)(connection, cursor, "SELECT 1", (), None, False)
        assert not exporter.get_finished_spans()
        connection.exec_driver_sql("SELECT 1")
    assert exporter.get_finished_spans()[0].name == "SELECT"
