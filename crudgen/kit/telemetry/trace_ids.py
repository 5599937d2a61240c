"""Decides whether a request will be sampled, in less time than a span takes."""

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind
from opentelemetry.util.types import Attributes

_NO_PARENT = Context()
_IDS = RandomIdGenerator()


class SampledTraceIds(RandomIdGenerator):
    """Generates random ids. The sampler of a provider can be asked before a span is made."""

    def __init__(self) -> None:
        self._next: int | None = None

    def generate_trace_id(self) -> int:
        """Return the id that was sampled last, once; otherwise a new one."""
        found, self._next = self._next, None
        return super().generate_trace_id() if found is None else found

    def is_sampled(self, provider: TracerProvider, name: str, attributes: Attributes) -> bool:
        """Return whether the next span of a server, without a parent, will be recorded.

        The sampler decides by the trace id, which that span then gets.
        """
        chosen = super().generate_trace_id()
        asked = provider.sampler.should_sample(
            _NO_PARENT, chosen, name, SpanKind.SERVER, attributes
        )
        is_sampled = asked.decision is not Decision.DROP
        self._next = chosen if is_sampled else None
        return is_sampled


def unsampled_span() -> Span:
    """Return the span of a request that is not sampled: those below it are not sampled either."""
    trace, span = _IDS.generate_trace_id(), _IDS.generate_span_id()
    return NonRecordingSpan(SpanContext(trace, span, is_remote=False))
