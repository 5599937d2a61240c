"""View of metrics and traces. Reason to change: what a project with them has."""

from collections.abc import Iterator

from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call
from crudgen.codegen.needs import Mention
from crudgen.language.schema import Schema

from .events import kit_conditions_of_events

_OF_METRICS = (
    *("counted_events", "instruments", "metrics", "metrics_settings", "request_metrics"),
    *("sampling", "worker_files"),
)
_OF_TRACING = (
    *("provider", "request_spans", "session_spans", "statement_spans", "trace_ids", "tracing"),
    "work_spans",
)
_NO_EXPORTER = Mention(
    "create_app(",
    ("OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"),
    'os.environ["OTEL_TRACES_EXPORTER"] = "none"',
    "after the imports, with 'import os'",
)


def kit_conditions_of_telemetry(schema: Schema) -> dict[str, bool]:
    """Return the kit's files for metrics and traces: whether a project needs each."""
    return {
        "telemetry": schema.metrics or schema.tracing,
        **{f"telemetry/{one}.py": schema.metrics for one in _OF_METRICS},
        **{f"telemetry/{one}.py": schema.tracing for one in _OF_TRACING},
        "telemetry/event_metrics.py": schema.metrics and has_events(schema),
    }


def has_events(schema: Schema) -> bool:
    """Return whether an application stores events, for functions or webhooks."""
    return kit_conditions_of_events(schema)["events"]


def metrics_router(schema: Schema, imports: Imports) -> Iterator[Bracket]:
    """Yield `MetricsRouter()`, which counts stored events too if there are some."""
    if schema.metrics:
        events = []
        if has_events(schema):
            events.append(imports.name(".kit.telemetry.event_metrics", "EventCounter"))
        yield call(imports.name(".kit.telemetry.metrics", "MetricsRouter"), events)


def tracing_router(schema: Schema, imports: Imports) -> Iterator[Bracket]:
    """Yield `TracingRouter()`, if requests are traced."""
    if schema.tracing:
        yield call(imports.name(".kit.telemetry.tracing", "TracingRouter"), [])


def required_in_test_fixtures(schema: Schema) -> Iterator[Mention]:
    """Yield what the fixtures of tests must contain so that no test waits for a collector."""
    if schema.tracing:
        yield _NO_EXPORTER


def metrics_settings(schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of a base class of the settings, if there are metrics."""
    if schema.metrics:
        yield ".kit.telemetry.metrics_settings", "MetricsSettings"
