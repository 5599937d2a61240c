"""The settings of an application with metrics."""

import atexit
import os
import shutil
import tempfile
from importlib.util import find_spec
from typing import Annotated, Any

from pydantic import AfterValidator, SecretStr

from ..errors import StartupError
from ..settings import BaseAppSettings

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable of the folder in which worker processes share their metrics."""


def _check_not_empty(token: SecretStr) -> SecretStr:
    if not token.get_secret_value():
        raise ValueError("it is empty; set a token, or remove the variable")
    return token


class MetricsSettings(BaseAppSettings):
    """The settings of metrics."""

    metrics_token: Annotated[SecretStr, AfterValidator(_check_not_empty)] | None = None
    """Token that `/metrics` requires, as `Authorization: Bearer`. Default: anyone may read it."""

    def __init__(self, **values: Any) -> None:
        """Read the settings; raise StartupError if the library of metrics is missing."""
        if find_spec("prometheus_client") is None:
            raise StartupError(
                "metrics: the package prometheus-client is not installed\n"
                "  run: pip install prometheus-client, or pip install 'crudgen[metrics]'"
            )
        super().__init__(**values)

    @classmethod
    def prepare_workers(cls) -> None:
        """Create the folder that worker processes share, unless the environment names one."""
        super().prepare_workers()
        if FOLDER not in os.environ:
            folder = tempfile.mkdtemp(prefix="metrics-")
            os.environ[FOLDER] = folder
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
