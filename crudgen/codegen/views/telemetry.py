"""View of metrics. Reason to change: what a project with metrics has."""

from collections.abc import Iterator

from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call
from crudgen.language.schema import Schema

from .events import kit_conditions_of_events


def kit_conditions_of_telemetry(schema: Schema) -> dict[str, bool]:
    """Return the kit's files for metrics: whether a project needs each."""
    return {
        "telemetry": schema.metrics,
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


def metrics_settings(schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of a base class of the settings, if there are metrics."""
    if schema.metrics:
        yield ".kit.telemetry.metrics_settings", "MetricsSettings"
