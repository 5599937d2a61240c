"""The settings of the application, from environment variables and the file `.env`."""

import os
import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .env_file import check_env_files
from .limits import DEFAULT_LIMITS as DEFAULTS
from .limits import Limits, parse_rate
from .origins import check_origins, split_origins

if TYPE_CHECKING:
    from fastapi import FastAPI

Bytes = Annotated[int, Field(ge=1024, le=1_073_741_824)]
Seconds = Annotated[float, Field(ge=0.01, le=3600)]
Connections = Annotated[int, Field(ge=1, le=1000)]
Many = Annotated[int, Field(ge=1, le=1_000_000)]
Depth = Annotated[int, Field(ge=1, le=100)]


Origins = Annotated[
    list[str], NoDecode, BeforeValidator(split_origins), AfterValidator(check_origins)
]


def _lowercase(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _check_root_path(path: str) -> str:
    if path and not _ROOT_PATH.fullmatch(path):
        message = "should begin with a slash and not end with one, such as /api; or be empty"
        raise PydanticCustomError("root_path", message)
    return path


_ROOT_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~!$&'()*+,;=:@-]+)+")
RootPath = Annotated[str, AfterValidator(_check_root_path)]


def _check_rate(text: str) -> str:
    if parse_rate(text) is None:
        message = "should be a number of requests per second, minute, hour or day: 100/minute"
        raise PydanticCustomError("rate_limit", message)
    return text


RateLimit = Annotated[str, AfterValidator(_check_rate)]


class ServerSettings(BaseSettings):
    """Settings of the HTTP protocol (see http/protocol.py), from the environment and `.env`."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8-sig", extra="ignore", hide_input_in_errors=True
    )

    _names_in_files: frozenset[str] = PrivateAttr(default=frozenset())
    """The names of the variables in `.env`."""

    def __init__(self, **values: Any) -> None:
        """Read the settings; raise StartupError for an invalid or unreadable `.env`."""
        names = check_env_files(values.get("_env_file", self.model_config.get("env_file")))
        super().__init__(**values)
        self._names_in_files = names

    def is_given(self, name: str) -> bool:
        """Return whether the environment or `.env` has a variable, also one that is no setting."""
        return bool(os.environ.get(name)) or name in self._names_in_files

    head_seconds: Seconds = 10.0
    """Time to receive the request line and headers. If exceeded, the response is 408."""
    send_seconds: Seconds = 30.0
    """Time for a client to read a part of a response; then the connection is closed."""
    max_head_bytes: Bytes = 65_536
    """Maximum size of the request headers. If exceeded, the response is 431."""
    max_headers: Many = 100
    """Maximum number of request headers. If exceeded, the response is 431."""


class BaseAppSettings(ServerSettings):
    """Settings of every application. The environment variable is the name in capitals."""

    api_title: str = "API"
    """Title in the documentation."""
    api_version: str = "0.1.0"
    """Version in the documentation."""
    migrations: ClassVar[bool] = False
    """Whether revisions create and change the tables, which Alembic runs."""
    database_url: str = "sqlite:///app.db"
    """SQLite (`sqlite:///app.db`) or PostgreSQL (`postgresql://user:password@host/name`)."""
    max_body_bytes: Bytes = DEFAULTS.body_bytes
    """Maximum size of a request body. If exceeded, the response is 413."""
    max_json_depth: Depth = DEFAULTS.json_depth
    """Maximum nesting of objects and arrays in a body. If exceeded, the response is 422."""
    max_url_bytes: Many = DEFAULTS.url_bytes
    """Maximum size of path and query together. If exceeded, the response is 414."""
    max_query_parameters: Many = DEFAULTS.query_parameters
    """Maximum number of query parameters. If exceeded, the response is 422."""
    max_concurrent_requests: Many = DEFAULTS.concurrent_requests
    """Maximum number of concurrent requests per process. If exceeded, the response is 503."""
    body_seconds: Seconds = DEFAULTS.body_seconds
    """Time to receive a request body. If exceeded, the response is 408."""
    idempotency_seconds: Annotated[float, Field(ge=1, le=31_536_000)] = DEFAULTS.idempotency_seconds
    """How long the response to a request with an `Idempotency-Key` is stored for replays."""
    rate_limit: RateLimit | None = None
    """Requests per caller and process, such as `100/minute`. If exceeded, the response is 429."""
    database_connections: Connections = 10
    """Maximum number of database connections per process."""
    statement_seconds: Seconds = 5.0
    """Time limit of a statement; on SQLite, of a read. If exceeded, the response is 503."""
    lock_seconds: Seconds = 2.0
    """Time to wait for a lock or a database connection. If exceeded, the response is 503."""
    database_prepared: Annotated[Literal["auto", "true", "false"], BeforeValidator(_lowercase)] = (
        "auto"
    )
    """Whether to prepare statements on PostgreSQL: `true`, `false`, or `auto`: without a pooler."""
    database_shared_reads: bool = True
    """Whether short reads on PostgreSQL that wait together share connections and round trips."""
    database_read_only: bool = False
    """Whether the database is only read: writes are 503, and `/ready` is 200 nevertheless."""
    secret_key: SecretStr | None = None
    """Signs cursors and hashes idempotency keys. Default: a secret stored in the database."""
    shortcut: bool = True
    """Whether valid requests bypass FastAPI's routing and dependencies where possible."""
    docs: bool = True
    """Whether `/docs`, `/redoc` and `/openapi.json` are served."""
    cors_origins: Origins = []
    """Web origins that may use the API, such as `https://a.example`, separated by commas."""
    root_path: RootPath = ""
    """Path below which a proxy serves the API, such as `/api`. Links contain it."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] | None = None
    """Minimum level of messages logged to standard error. Default: logging is not configured."""
    log_format: Annotated[Literal["text", "json"], BeforeValidator(_lowercase)] = "text"
    """`text`, or `json`: one JSON object per line, also for each request."""

    @classmethod
    def prepare_workers(cls) -> None:
        """Prepare what worker processes share, before they start: here, nothing."""

    def install(self, app: "FastAPI") -> None:
        """Add to an application what settings of a subclass configure: here, nothing."""
        del app

    @property
    def limits(self) -> Limits:
        """The limits of requests."""
        return Limits(
            body_bytes=self.max_body_bytes,
            body_seconds=self.body_seconds,
            json_depth=self.max_json_depth,
            url_bytes=self.max_url_bytes,
            query_parameters=self.max_query_parameters,
            concurrent_requests=self.max_concurrent_requests,
            idempotency_seconds=self.idempotency_seconds,
            rate=None if self.rate_limit is None else parse_rate(self.rate_limit),
        )


def describe_errors(error: ValidationError) -> str:
    """Return a line for each environment variable with an invalid value: `NAME: error`."""
    return "\n".join(
        f"{'__'.join(map(str, problem['loc'])).upper()}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    )
