"""What can be set from outside: environment variables, or lines of a file `.env`."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .env_file import check_env_files
from .limits import DEFAULT_LIMITS as DEFAULTS
from .limits import Limits
from .origins import check_origins, split

Bytes = Annotated[int, Field(ge=1024, le=1_073_741_824)]
Seconds = Annotated[float, Field(ge=0.01, le=3600)]
Connections = Annotated[int, Field(ge=1, le=1000)]
Many = Annotated[int, Field(ge=1, le=1_000_000)]
Depth = Annotated[int, Field(ge=1, le=100)]


Origins = Annotated[list[str], NoDecode, BeforeValidator(split), AfterValidator(check_origins)]


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _check_root_path(path: str) -> str:
    if path and not _ROOT_PATH.fullmatch(path):
        message = "should begin with a slash and not end with one, such as /api; or be empty"
        raise PydanticCustomError("root_path", message)
    return path


_ROOT_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~!$&'()*+,;=:@-]+)+")
RootPath = Annotated[str, AfterValidator(_check_root_path)]


class ServerSettings(BaseSettings):
    """Settings of the server, see protocol.py; only the environment and `.env` set them."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8-sig", extra="ignore", hide_input_in_errors=True
    )

    def __init__(self, **values: Any) -> None:
        """Read the settings; raise StartupError for a file that cannot be read."""
        check_env_files(values.get("_env_file", self.model_config.get("env_file")))
        super().__init__(**values)

    head_seconds: Seconds = 10.0
    """Longest wait for a request line and its headers; a later one is answered 408."""
    send_seconds: Seconds = 30.0
    """Longest wait for a client to take a part of its answer; later it is hung up on."""
    max_head_bytes: Bytes = 65_536
    """Largest headers of a request; larger ones are answered 431."""
    max_headers: Many = 100
    """Most headers of a request; more are answered 431."""


class BaseAppSettings(ServerSettings):
    """Settings of every application; each is read from the variable of its name in capitals."""

    api_title: str = "API"
    """Title in the documentation."""
    api_version: str = "0.1.0"
    """Version in the documentation."""
    database_url: str = "sqlite:///app.db"
    """SQLite (`sqlite:///app.db`) or PostgreSQL (`postgresql://user:password@host/name`)."""
    max_body_bytes: Bytes = DEFAULTS.body_bytes
    """Largest request body; a larger one is answered 413."""
    max_json_depth: Depth = DEFAULTS.json_depth
    """Most objects and arrays within one another; a deeper body is answered 422."""
    max_url_bytes: Many = DEFAULTS.url_bytes
    """Longest path and query together; a longer one is answered 414."""
    max_query_parameters: Many = DEFAULTS.query_parameters
    """Most parameters of a query; one with more is answered 422."""
    max_concurrent_requests: Many = DEFAULTS.concurrent_requests
    """Most requests of one process at a time; more are answered 503."""
    body_seconds: Seconds = DEFAULTS.body_seconds
    """Longest wait for the whole of a body; a later one is answered 408."""
    idempotency_seconds: Annotated[float, Field(ge=1, le=31_536_000)] = DEFAULTS.idempotency_seconds
    """How long the answer to a request with an `Idempotency-Key` is kept, to be given again."""
    database_connections: Connections = 10
    """Most database connections of one process."""
    statement_seconds: Seconds = 5.0
    """Longest statement on PostgreSQL; a longer one is answered 503."""
    lock_seconds: Seconds = 2.0
    """Longest wait for a lock or a connection; a longer one is answered 503."""
    database_prepared: Annotated[Literal["auto", "true", "false"], BeforeValidator(_lower)] = "auto"
    """Whether PostgreSQL prepares statements: `true`, `false`, or `auto`: not behind a pooler."""
    database_read_only: bool = False
    """Whether nothing is written: `/ready` is then 200 although writes are 503."""
    secret_key: SecretStr | None = None
    """Signs cursors, seals idempotency keys; without it, a secret that the database keeps does."""
    shortcut: bool = True
    """Whether well-formed requests go to their handlers without FastAPI's own work."""
    docs: bool = True
    """Whether there are `/docs`, `/redoc` and `/openapi.json`."""
    cors_origins: Origins = []
    """Web pages that may use the API: origins such as `https://a.example`, with commas between."""
    root_path: RootPath = ""
    """Path below which a proxy serves the API, such as `/api`; links lead there."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] | None = None
    """Level of the log on standard error; without it, logging stays as it is configured."""

    @property
    def limits(self) -> Limits:
        """What requests are bounded by."""
        return Limits(
            body_bytes=self.max_body_bytes,
            body_seconds=self.body_seconds,
            json_depth=self.max_json_depth,
            url_bytes=self.max_url_bytes,
            query_parameters=self.max_query_parameters,
            concurrent_requests=self.max_concurrent_requests,
            idempotency_seconds=self.idempotency_seconds,
        )


def describe_errors(error: ValidationError) -> str:
    """Name each environment variable that has a wrong value, one on a line."""
    return "\n".join(
        f"{'__'.join(map(str, problem['loc'])).upper()}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    )
