"""The list of what crudgen and the kit use of libraries without a promise that it stays.

Each requirement has an upper bound; whoever raises one runs this list, and then all tests.
"""

import inspect
import re
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import fastapi.dependencies.models
import psycopg
import psycopg_pool
import pytest
import uvicorn.config
import uvicorn.protocols.utils
from click import Command
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import solve_dependencies
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from fastapi.telemetry._api import _RequestTelemetry, _route_selected
from opentelemetry._logs import get_logger_provider
from opentelemetry.metrics import get_meter_provider
from opentelemetry.trace import get_tracer_provider
from psycopg._preparing import PrepareManager
from psycopg._queries import PostgresQuery
from sqlalchemy import MetaData, Table, insert, literal, select
from starlette.requests import Request
from starlette.routing import get_name
from uvicorn.main import main
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.supervisors import Multiprocess, multiprocess

from crudgen.codegen.views.distribution import KIT_REQUIREMENTS


def has(owner: object, *names: str) -> Callable[[], bool]:
    return lambda: all(hasattr(owner, name) for name in names)


def takes(function: Callable[..., object], *names: str) -> Callable[[], bool]:
    return lambda: {*names} <= inspect.signature(function).parameters.keys()


def route_contexts() -> bool:
    app = FastAPI()
    router = APIRouter(prefix="/a")
    router.add_api_route("/b", lambda: None)
    app.include_router(router)
    contexts = list(iter_route_contexts(app.routes))
    (found,) = [one for one in contexts if one.path == "/a/b"]
    return isinstance(found, RouteContext) and isinstance(found.original_route, APIRoute)


PRIVATE: dict[str, Callable[[], bool]] = {
    "fastapi: APIRouter.lifespan_context has a type of its own (kit/application.py)": lambda: (
        type(APIRouter().lifespan_context).__name__ == "_DefaultLifespan"
    ),
    "fastapi: Dependant (kit/http/routing.py, kit/fast)": has(
        Dependant(path="/"),
        *("path_params", "query_params", "header_params", "cookie_params", "body_params"),
        *("dependencies", "call", "request_param_name", "response_param_name"),
        *("background_tasks_param_name", "security_scopes_param_name"),
        *("http_connection_param_name", "websocket_param_name"),
    ),
    "fastapi: solve_dependencies (kit/database/overrides.py)": takes(
        solve_dependencies,
        *("request", "dependant", "dependency_overrides_provider", "async_exit_stack"),
        "embed_body_fields",
    ),
    "sqlalchemy: Select keeps _for_update_arg (kit/database/sqlite_locks.py)": lambda: (
        vars(select(1).with_for_update()).get("_for_update_arg") is not None
    ),
    "fastapi: iter_route_contexts (kit/fast/shortcut_table.py)": route_contexts,
    "fastapi: its telemetry (kit/http/exchange.py, kit/application.py, kit/fast, kit/telemetry)": (
        lambda: (
            has(
                _RequestTelemetry(span=None, span_method="GET", data=None), "route", "_exceptions"
            )()
            and takes(_route_selected, "scope", "path")()
            and not vars(FastAPI())["_native_telemetry"].enabled()
            and "tracer_provider" in vars(FastAPI())["_native_telemetry"].config
            and {"trace", "metrics", "_logs"}
            <= type(vars(FastAPI())["_native_telemetry"]).enabled.__globals__.keys()
            and all(
                name in function.__globals__
                for function, name in (
                    (get_tracer_provider, "_TRACER_PROVIDER"),
                    (get_meter_provider, "_METER_PROVIDER"),
                    (get_logger_provider, "_LOGGER_PROVIDER"),
                )
            )
        )
    ),
    "fastapi: APIRoute.get_route_handler (kit/http/routing.py)": has(APIRoute, "get_route_handler"),
    "fastapi: functools' caches in its modules (delivery/garbage.py)": lambda: any(
        hasattr(one, "cache_clear") for one in vars(fastapi.dependencies.models).values()
    ),
    "starlette: Request.query_params keeps _query_params (kit/http/routing.py)": lambda: (
        "_query_params" in inspect.getsource(Request)
        or "_query_params" in inspect.getsource(Request.__mro__[1])
    ),
    "starlette: get_name (kit/fast/lazy.py)": lambda: get_name(has) == "has",
    "sqlalchemy: values of an INSERT (kit/types/decimal_expressions.py)": has(
        insert(Table("t", MetaData())),
        *("_values", "_multi_values", "_select_names", "_post_values_clause"),
    ),
    "sqlalchemy: bound values (kit/database/statements.py)": lambda: (
        "binds" in vars(select(literal(1)).compile())
    ),
    "psycopg: connection.wait and pgconn (kit/database/connections.py)": lambda: (
        has(psycopg.AsyncConnection, "wait")() and has(psycopg.pq.PGconn, "consume_input")()
    ),
    "psycopg: prepared statements (kit/fast)": lambda: (
        has(PrepareManager(), "get", "maybe_add_to_cache", "validate", "maintain_gen")()
        and has(PrepareManager(), "_to_flush")()
        and takes(PostgresQuery.convert, "query", "vars")()
        and takes(PostgresQuery.dump, "vars")()
        and "_prepared" in inspect.getsource(psycopg.AsyncConnection.__mro__[1])
    ),
    "psycopg: execute (kit/fast/direct_statements.py)": takes(psycopg.generators.execute, "pgconn"),
    "psycopg: lifetime of a pooled connection (kit/fast)": lambda: (
        "conn._expire_at <= monotonic()" in inspect.getsource(psycopg_pool.AsyncConnectionPool)
    ),
    "uvicorn: HttpToolsProtocol (kit/http/protocol.py)": has(
        HttpToolsProtocol,
        *(
            "data_received",
            "on_headers_complete",
            "on_response_complete",
            "timeout_keep_alive_handler",
        ),
    ),
    "uvicorn: RequestResponseCycle (kit/http/protocol.py)": has(RequestResponseCycle, "send"),
    "uvicorn: RequestResponseCycle (kit/http/direct_responses.py)": takes(
        RequestResponseCycle,
        *("scope", "transport", "flow", "logger", "access_logger", "access_log"),
        *("default_headers", "message_event", "expect_100_continue", "keep_alive", "on_response"),
    ),
    "uvicorn: utils (kit/http/direct_responses.py)": has(
        uvicorn.protocols.utils, "get_client_addr", "get_path_with_query_string"
    ),
    "uvicorn: its command is click's (kit/server.py)": lambda: (
        isinstance(main, Command)
        and {"http", "ws", "server_header", "timeout_graceful_shutdown"}
        <= {one.name for one in main.params}
    ),
    "uvicorn: LOGGING_CONFIG (delivery/server.py, kit/http/logs.py)": lambda: (
        "uvicorn.error" in uvicorn.config.LOGGING_CONFIG["loggers"]
    ),
    "uvicorn: Multiprocess (delivery/server.py)": has(Multiprocess, "terminate_all", "run"),
    "uvicorn: Process of Multiprocess (kit/workers.py)": lambda: (
        has(multiprocess.Process, "is_alive", "terminate", "join", "pid")()
        and takes(multiprocess.Process, "config", "sockets")()
        and "Process" in Multiprocess.init_processes.__code__.co_names
        and "is_alive" in Multiprocess.keep_subprocess_alive.__code__.co_names
    ),
    "uvicorn: Server.shutdown (delivery/server.py)": takes(uvicorn.Server.shutdown, "sockets"),
}


@pytest.mark.parametrize("private", PRIVATE)
def test_what_has_no_promise_is_still_there(private: str) -> None:
    assert PRIVATE[private]()


def test_their_requirements_have_upper_bounds(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    own = [*project["dependencies"], *project["optional-dependencies"]["postgres"]]
    for requirements in (own, [*KIT_REQUIREMENTS]):
        for library in {private.partition(":")[0] for private in PRIVATE} - {"starlette"}:
            found = [one for one in requirements if re.match(rf"{library}[\[<>=]", one)]
            assert all("<" in one for one in found), found
            assert found or requirements is not own, library


def test_the_bounds_hold_what_is_tested(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    bounds = {
        re.split(r"[\[<>=]", one)[0]: one.partition("<")[2] for one in project["dependencies"]
    }
    for library, bound in bounds.items():
        if bound:
            tested = tuple(int(part) for part in version(library).split(".")[:3])
            assert tested < tuple(int(part) for part in bound.split(".")), library
