"""A span for each statement of a request, without its values."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode, Tracer

from ..database.statements import Prepared, Values
from ..database.transaction import Row, Step

_TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+"?([^\s"(),;]+)')
_INNERMOST = re.compile(r"\([^()]*\)")
_SUBQUERY = re.compile(r"\bFROM\s+;")


def trace_statements(backend: Any, tracer: Tracer, system: str) -> None:
    """Let a backend of the database make spans of its statements.

    Only statements of requests that are sampled have spans: nothing else is done for the others.
    """
    read, write, write_all = backend.read, backend.write, backend.write_all
    read_now = backend.read_now

    async def traced_read(prepared: Prepared, values: Values, *, short: bool) -> Sequence[Row]:
        if not trace.get_current_span().is_recording():
            return await read(prepared, values, short=short)  # type: ignore[no-any-return]
        with _span(tracer, system, prepared.sql):
            return await read(prepared, values, short=short)  # type: ignore[no-any-return]

    async def traced_write(
        prepared: Prepared, values: Values, read_back: Prepared | None = None
    ) -> Sequence[Row]:
        if not trace.get_current_span().is_recording():
            return await write(prepared, values, read_back)  # type: ignore[no-any-return]
        with _span(tracer, system, prepared.sql):
            return await write(prepared, values, read_back)  # type: ignore[no-any-return]

    async def traced_write_all(steps: Sequence[Step]) -> list[Sequence[Row]]:
        if not steps or not trace.get_current_span().is_recording():
            return await write_all(steps)  # type: ignore[no-any-return]
        with _span(tracer, system, steps[0].prepared.sql, len(steps)):
            return await write_all(steps)  # type: ignore[no-any-return]

    def traced_read_now(prepared: Prepared, values: Values) -> Sequence[Row] | None:
        if not trace.get_current_span().is_recording():
            return read_now(prepared, values)  # type: ignore[no-any-return]
        with _span(tracer, system, prepared.sql):
            return read_now(prepared, values)  # type: ignore[no-any-return]

    backend.read_now = traced_read_now
    backend.read, backend.write, backend.write_all = traced_read, traced_write, traced_write_all


def trace_replica(replica: Any, tracer: Tracer, system: str) -> None:
    """Let a replica make spans of its statements, as `trace_statements` does."""
    run = replica.run_one

    async def traced_run(connection: Any, prepared: Prepared, bound: dict[str, Any]) -> list[Row]:
        if not trace.get_current_span().is_recording():
            return await run(connection, prepared, bound)  # type: ignore[no-any-return]
        with _span(tracer, system, prepared.sql):
            return await run(connection, prepared, bound)  # type: ignore[no-any-return]

    replica.run_one = traced_run


@contextmanager
def _span(tracer: Tracer, system: str, sql: str, count: int = 1) -> Iterator[None]:
    """Make a span the current one. Its error is the class of an exception, without values.

    The span of a transaction has the name of its first statement.
    """
    operation, table = _summary(sql)
    name = operation if count == 1 else f"BATCH {operation}"
    attributes: dict[str, Any] = {"db.system.name": system, "db.operation.name": name}
    if count > 1:
        attributes["db.operation.batch.size"] = count
    if table:
        attributes["db.collection.name"] = table
    with tracer.start_as_current_span(
        f"{name} {table}".strip(),
        kind=SpanKind.CLIENT,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except BaseException as error:
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(StatusCode.ERROR)
            raise


@lru_cache(maxsize=10_000)
def _summary(sql: str) -> tuple[str, str]:
    """Return the operation of a statement, and its table."""
    return sql.split(None, 1)[0].upper(), _table(sql)


def _table(sql: str) -> str:
    """Return the first table outside of subqueries, or the table of the subquery in FROM."""
    outer, count = sql, 1
    while count:
        outer, count = _INNERMOST.subn(lambda found: ";" * len(found[0]), outer)
    if (found := _TABLE.search(outer)) is not None:
        return found[1]
    found = _SUBQUERY.search(outer)
    return _table(sql[found.end() :]) if found else ""
