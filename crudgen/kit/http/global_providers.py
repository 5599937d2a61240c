"""Whether FastAPI's own telemetry has a provider. Reason to change: where providers are set."""

import os
from typing import Any

_GLOBAL_PROVIDERS = (
    ("tracing", "trace", "get_tracer_provider", "_TRACER_PROVIDER"),
    ("metrics", "metrics", "get_meter_provider", "_METER_PROVIDER"),
    ("logs", "_logs", "get_logger_provider", "_LOGGER_PROVIDER"),
)
"""Settings of FastAPI, modules of OpenTelemetry, their functions that return a provider, and the
variables where these keep it: it is None until one is set."""
_UNKNOWN = object()
_ENVIRONMENT = (
    "OTEL_PYTHON_TRACER_PROVIDER",
    "OTEL_PYTHON_METER_PROVIDER",
    "OTEL_PYTHON_LOGGER_PROVIDER",
)
"""Environment variables that name a provider, which OpenTelemetry sets when it is needed."""
_OWN_PROVIDERS = ("tracer_provider", "meter_provider", "logger_provider")
"""Settings of FastAPI with a provider of the application."""


class NativeTelemetry:
    """FastAPI's telemetry of an application.

    FastAPI looks up three environment variables each time. Here, it is asked only if there may be
    a provider.
    """

    def __init__(self, native: Any) -> None:
        """`native` is what FastAPI itself asks."""
        self._native = native
        modules = type(native).enabled.__globals__
        self._global_providers = [
            (setting, getattr(modules[module], function).__globals__, provider)
            for setting, module, function, provider in _GLOBAL_PROVIDERS
        ]
        self._settings: dict[str, Any] = native.config
        self._is_in_environment = any(name in os.environ for name in _ENVIRONMENT)

    def observes_requests(self) -> bool:
        """Return whether FastAPI records spans, metrics or logs of requests now."""
        return self._may_have_provider() and bool(self._native.enabled())

    def _may_have_provider(self) -> bool:
        settings = self._settings
        for setting, names, provider in self._global_providers:
            if names.get(provider, _UNKNOWN) is not None and settings.get(setting, True):
                return True
        for setting in _OWN_PROVIDERS:
            if settings.get(setting) is not None:
                return True
        return self._is_in_environment
