"""View of the Grafana dashboard. Reason to change: a metric of the application, or a panel."""

import json
from collections.abc import Iterator

from crudgen.language.schema import Schema

_HTTP = "http_server_request_duration_seconds"
_JOB = 'job="$job"'
_WIDTH, _HEIGHT = 8, 8
_COLUMNS = 24 // _WIDTH
Query = tuple[str, str]
"""An expression of PromQL, and the legend of its series."""


def dashboard(schema: Schema, *, events: bool) -> str:
    """Return the dashboard as JSON. Grafana asks which data source it reads when it is imported."""
    panels = [
        _panel(index, title, unit, queries)
        for index, (title, unit, queries) in enumerate(_panels(events=events))
    ]
    found = {
        "title": schema.title,
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "tags": ["crudgen"],
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [*_variables()]},
        "panels": panels,
    }
    return f"{json.dumps(found, indent=2, ensure_ascii=False)}\n"


def _variables() -> Iterator[dict[str, object]]:
    yield {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
    }
    yield {
        "name": "job",
        "label": "Job",
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "query": f"label_values({_HTTP}_count, job)",
        "refresh": 2,
    }


def _panels(*, events: bool) -> Iterator[tuple[str, str, list[Query]]]:
    """Yield the title, the unit and the queries of each panel."""
    by_route = "sum by (http_request_method, http_route)"
    legend = "{{http_request_method}} {{http_route}}"
    count = _rate_expression(f"{_HTTP}_count")
    failed = _rate_expression(f"{_HTTP}_count", 'http_response_status_code=~"5.."')
    yield "Requests", "reqps", [(f"{by_route} ({count})", legend)]
    statuses = f"sum by (http_response_status_code) ({count})"
    yield "Responses", "reqps", [(statuses, "{{http_response_status_code}}")]
    ratio = f"(sum({failed}) or vector(0)) / sum({count})"
    yield "Share of responses 5xx", "percentunit", [(ratio, "5xx")]
    buckets = _rate_expression(f"{_HTTP}_bucket")
    quantiles = [
        (f"histogram_quantile({one}, sum by (le) ({buckets}))", f"p{one[2:].ljust(2, '0')}")
        for one in ("0.5", "0.95", "0.99")
    ]
    yield "Duration", "s", quantiles
    routes = f"sum by (le, http_request_method, http_route) ({buckets})"
    yield "Duration by route, p95", "s", [(f"histogram_quantile(0.95, {routes})", legend)]
    yield "Requests in progress", "short", [_sum_query("http_server_active_requests", "requests")]
    yield (
        "Database connections",
        "short",
        [
            (f"sum by (state) (db_client_connection_count{{{_JOB}}})", "{{state}}"),
            _sum_query("db_client_connection_max", "maximum"),
            _sum_query("db_client_connection_pending_requests", "waiting requests"),
        ],
    )
    writes = _rate_expression("group_commit_writes_total")
    batches = _rate_expression("group_commit_batches_total")
    yield (
        "Writes per transaction (SQLite)",
        "short",
        [(f"sum({writes}) / sum({batches})", "writes")],
    )
    yield "Queued writes (SQLite)", "short", [_sum_query("group_commit_queued_writes", "writes")]
    if events:
        stored = f"max by (queue, state) (outbox_events{{{_JOB}}})"
        yield "Events", "short", [(stored, "{{queue}}, {{state}}")]
        age = f"max by (queue) (outbox_oldest_event_seconds{{{_JOB}}})"
        yield "Age of the oldest event", "s", [(age, "{{queue}}")]
    yield (
        "Processor time",
        "percentunit",
        [(f"sum({_rate_expression('process_cpu_seconds_total')})", "cores")],
    )
    yield "Memory", "bytes", [_sum_query("process_resident_memory_bytes", "resident")]


def _rate_expression(metric: str, *labels: str) -> str:
    return f"rate({metric}{{{', '.join((_JOB, *labels))}}}[$__rate_interval])"


def _sum_query(metric: str, legend: str) -> Query:
    return f"sum({metric}{{{_JOB}}})", legend


def _panel(index: int, title: str, unit: str, queries: list[Query]) -> dict[str, object]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    row, column = divmod(index, _COLUMNS)
    return {
        "id": index + 1,
        "title": title,
        "type": "timeseries",
        "datasource": source,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(65 + place), "datasource": source, "expr": query, "legendFormat": legend}
            for place, (query, legend) in enumerate(queries)
        ],
    }
