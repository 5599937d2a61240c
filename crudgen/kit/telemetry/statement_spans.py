"""Spans of statements, without their values."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

from ..database.statements import Prepared, Values
from ..database.transaction import Row, Step

POSTGRESQL_PORT = 5432
_OPERATION = re.compile(r"[\s(]*([A-Za-z]+)")
_TEXT = re.compile(
    r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'", re.DOTALL
)
"""Comments and literals, which may have words of statements."""
_TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+(?:ONLY\s+)?"?([^\s"(),;]+)', re.IGNORECASE)
_INNERMOST = re.compile(r"\([^()]*\)")
_SUBQUERY = re.compile(r"\bFROM\s+;", re.IGNORECASE)


class StatementSpans:
    """Makes spans of statements by a tracer.

    Only statements of spans that are sampled have some: nothing else is done for the others.
    `system` is `sqlite` or `postgresql`, `where` the URL of the database without a password.
    """

    def __init__(self, tracer: Tracer, system: str, where: str) -> None:
        self._tracer = tracer
        self.attributes: dict[str, Any] = {
            "db.system.name": system,
            **_server_attributes(system, where),
        }
        """The attributes of all statements: the database, and its server."""

    @contextmanager
    def span(self, sql: str, count: int = 1) -> Iterator[None]:
        """Make a span the current one, if the current one is sampled.

        The span of a transaction has the name of its first statement.
        """
        if not trace.get_current_span().is_recording():
            yield
            return
        span = self.start(sql, count)
        with trace.use_span(
            span, end_on_exit=True, record_exception=False, set_status_on_exception=False
        ):
            try:
                yield
            except BaseException as error:
                note_failure(span, error)
                raise

    def start(self, sql: str, count: int = 1) -> Span:
        """Start the span of a statement, or of a batch of them."""
        operation, table = _operation_and_table(sql)
        name = operation if count == 1 else f"BATCH {operation}"
        attributes = {**self.attributes, "db.operation.name": name}
        if count > 1:
            attributes["db.operation.batch.size"] = count
        if table:
            attributes["db.collection.name"] = table
        title = f"{name} {table}".strip() or self.attributes["db.system.name"]
        return self._tracer.start_span(title, kind=SpanKind.CLIENT, attributes=attributes)


def note_failure(span: Span, error: BaseException) -> None:
    """Note the class of the error of a statement, and the code of the database."""
    span.set_attribute("error.type", type(error).__qualname__)
    cause: Any = error.__cause__ or error
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    if code:
        span.set_attribute("db.response.status_code", code)
    span.set_status(StatusCode.ERROR)


def trace_statements(backend: Any, spans: StatementSpans) -> None:
    """Let a backend of the database make spans of its statements."""
    read, write, write_all = backend.read, backend.write, backend.write_all
    try_read = backend.try_read

    async def traced_read(prepared: Prepared, values: Values, *, short: bool) -> Sequence[Row]:
        if not trace.get_current_span().is_recording():
            return await read(prepared, values, short=short)  # type: ignore[no-any-return]
        with spans.span(prepared.sql):
            return await read(prepared, values, short=short)  # type: ignore[no-any-return]

    async def traced_write(
        prepared: Prepared, values: Values, read_back: Prepared | None = None
    ) -> Sequence[Row]:
        with spans.span(prepared.sql):
            return await write(prepared, values, read_back)  # type: ignore[no-any-return]

    async def traced_write_all(steps: Sequence[Step]) -> list[Sequence[Row]]:
        if not steps:
            return await write_all(steps)  # type: ignore[no-any-return]
        with spans.span(steps[0].prepared.sql, len(steps)):
            return await write_all(steps)  # type: ignore[no-any-return]

    def traced_try_read(prepared: Prepared, values: Values) -> Sequence[Row] | None:
        if not trace.get_current_span().is_recording():
            return try_read(prepared, values)  # type: ignore[no-any-return]
        with spans.span(prepared.sql):
            return try_read(prepared, values)  # type: ignore[no-any-return]

    backend.try_read = traced_try_read
    backend.read, backend.write, backend.write_all = traced_read, traced_write, traced_write_all


def trace_replica(replica: Any, spans: StatementSpans) -> None:
    """Let a replica make spans of its statements, as `trace_statements` does."""
    run = replica.run_one

    async def traced_run(connection: Any, prepared: Prepared, bound: dict[str, Any]) -> list[Row]:
        with spans.span(prepared.sql):
            return await run(connection, prepared, bound)  # type: ignore[no-any-return]

    replica.run_one = traced_run


def _server_attributes(system: str, where: str) -> dict[str, Any]:
    """Return the attributes of the database and its server; none of several servers."""
    if system != "postgresql":
        return {}
    authority, _, name = where.partition("://")[2].rpartition("/")
    found: dict[str, Any] = {"db.namespace": unquote(name)} if name else {}
    host = authority.rpartition("@")[2]
    if host.startswith("/"):
        found["server.address"] = host.partition(":")[0]  # the folder of a socket
    elif host and "," not in host:
        place = urlsplit(f"//{host}")
        found["server.address"] = place.hostname
        found["server.port"] = place.port or POSTGRESQL_PORT
    return found


@lru_cache(maxsize=2000)
def _operation_and_table(sql: str) -> tuple[str, str]:
    """Return the operation of a statement, and its table; either may be empty."""
    sql = _TEXT.sub(lambda found: " " if found[0].startswith(("--", "/*")) else "''", sql)
    found = _OPERATION.match(sql)
    return found[1].upper() if found else "", _table_name(sql)


def _table_name(sql: str) -> str:
    """Return the first table outside of subqueries, or the table of the subquery in FROM."""
    outer, count = sql, 1
    while count:
        outer, count = _INNERMOST.subn(lambda found: ";" * len(found[0]), outer)
    if (found := _TABLE.search(outer)) is not None:
        return found[1]
    found = _SUBQUERY.search(outer)
    return _table_name(sql[found.end() :]) if found else ""
