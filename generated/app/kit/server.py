"""The command `python -m app`: uvicorn, with the options that the application needs."""

import os
import sys
from importlib import import_module

from pydantic import ValidationError
from pydantic_settings import SettingsError
from uvicorn.main import main

from .errors import StartupError
from .http.logs import log_server_as_json
from .settings import BaseAppSettings, describe_errors
from .wiring import make_database
from .workers import install_worker

GRACE_SECONDS = 7
"""How many seconds requests may still take after SIGTERM."""


def run(application: str) -> None:
    """Run uvicorn with an application, such as `app.main:app`, and the command-line arguments."""
    package = application.partition(".")[0]
    defaults = {
        "http": f"{__package__}.http.protocol:HttpProtocol",
        "ws": "none",
        "server_header": False,
        "timeout_graceful_shutdown": GRACE_SECONDS,
    }
    arguments = sys.argv[1:]
    if "--help" not in arguments:
        settings = _check_settings(package)
        if _count_workers([*arguments, application]) > 1:
            settings.prepare_workers()
    install_worker()
    main([*arguments, application], prog_name=f"python -m {package}", default_map=defaults)


def _count_workers(arguments: list[str]) -> int:
    """Return how many worker processes uvicorn will start."""
    context = main.make_context("uvicorn", arguments, resilient_parsing=True)
    count = context.params.get("workers") or os.environ.get("WEB_CONCURRENCY", "1")
    return int(count) if str(count).isdigit() else 1


def _check_settings(package: str) -> BaseAppSettings:
    """Return the settings; exit with a message if one is invalid. LOG_LEVEL is INFO by default.

    uvicorn's parent process of workers has no application that configures its log.
    """
    try:
        settings: BaseAppSettings = import_module(f"{package}.settings").Settings()
        make_database(settings)
    except ValidationError as error:
        sys.exit(f"error: {describe_errors(error)}")
    except (StartupError, SettingsError) as error:
        sys.exit(f"error: {error}")
    if settings.log_level is None:
        os.environ["LOG_LEVEL"] = "INFO"
    if settings.log_format == "json":
        log_server_as_json()
    return settings
