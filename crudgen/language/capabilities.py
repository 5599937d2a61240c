"""What an application offers besides its API. Reason to change: another such capability."""

from dataclasses import dataclass
from enum import StrEnum


class McpUse(StrEnum):
    """What agents can do with the tools at `/mcp`."""

    FULL = "full"
    """Read and write, as the rules allow."""
    READ_ONLY = "read_only"
    """Read only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an application offers besides its API; by default nothing."""

    admin: bool = False
    """Whether the application has an admin page."""
    mcp: McpUse | None = None
    """What agents can do with the tools at `/mcp`; None if there are none."""
    tracing: bool = False
    """Whether OpenTelemetry gets spans of requests and statements."""
    metrics: bool = False
    """Whether Prometheus can read metrics at `/metrics`."""
