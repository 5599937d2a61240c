"""The provider of spans: the global one, configured by the variables OTEL_* if there is none."""

import logging
import os
from threading import Thread
from typing import Any

from opentelemetry import trace

from ..errors import StartupError

FLUSH_SECONDS = 3.0
"""How long the end of an application waits for the collector to take the last spans."""
_log = logging.getLogger(__name__)
_EXPORTER = "OTEL_TRACES_EXPORTER"


def configure(service: str) -> None:
    """Set the global provider, unless the code of the owner or an agent has set one.

    `service` is the name of the service if no variable sets it. Raises StartupError if a library
    is missing, or for an unknown exporter.
    """
    is_set = not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    exporter = os.environ.get(_EXPORTER, "otlp").strip().lower() or "otlp"
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if is_set or is_off or exporter == "none":
        return
    try:
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from .trace_ids import SampledTraceIds

        made = _exporter(exporter)
    except ImportError:
        raise StartupError(
            "tracing: the packages of OpenTelemetry are not installed\n"
            "  run: pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http,"
            " or pip install 'crudgen[otel]'"
        ) from None
    resource = Resource.create({"service.name": service}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(
        resource=resource, shutdown_on_exit=False, id_generator=SampledTraceIds()
    )
    provider.add_span_processor(BatchSpanProcessor(made))
    trace.set_tracer_provider(provider)


def flush() -> None:
    """Send the spans that wait, if the provider can; give up after FLUSH_SECONDS.

    The timeout of the provider is not enough: exporters that repeat their requests exceed it.
    """
    send = getattr(trace.get_tracer_provider(), "force_flush", None)
    if send is None:
        return
    sending = Thread(target=send, args=(int(FLUSH_SECONDS * 1000),), name="last-spans", daemon=True)
    sending.start()
    sending.join(FLUSH_SECONDS)
    if sending.is_alive():
        _log.warning(
            "tracing: the collector has not taken the last spans within %g seconds", FLUSH_SECONDS
        )


def _exporter(name: str) -> Any:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    if name == "otlp":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    raise StartupError(f"{_EXPORTER}: unknown exporter {name!r}\n  set otlp, console or none")
