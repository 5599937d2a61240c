"""What can be set from outside: environment variables, or lines of a file `.env`."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from .limits import USUAL, Limits

Bytes = Annotated[int, Field(ge=1024, le=1_073_741_824)]
Seconds = Annotated[float, Field(ge=0.01, le=3600)]
Connections = Annotated[int, Field(ge=1, le=1000)]
Depth = Annotated[int, Field(ge=1, le=100)]


class BaseAppSettings(BaseSettings):
    """Settings of every application; each is read from the variable of its name in capitals."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", hide_input_in_errors=True)

    database_url: str = "sqlite:///app.db"
    """SQLite (`sqlite:///app.db`) or PostgreSQL (`postgresql://user:password@host/name`)."""
    max_body_bytes: Bytes = USUAL.body_bytes
    """Largest request body; a larger one is answered 413."""
    max_json_depth: Depth = USUAL.json_depth
    """Most objects and arrays within one another; a deeper body is answered 422."""
    database_connections: Connections = 10
    """Most database connections of one process."""
    statement_seconds: Seconds = 5.0
    """Longest statement on PostgreSQL; a longer one is answered 503."""
    lock_seconds: Seconds = 2.0
    """Longest wait for a lock or a connection; a longer one is answered 503."""
    secret_key: SecretStr | None = None
    """Signs the cursors of lists; without it, a secret that the database keeps does."""
    shortcut: bool = True
    """Whether well-formed requests go to their handlers without FastAPI's own work."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least important messages that are logged."""

    @property
    def limits(self) -> Limits:
        """What requests are bounded by."""
        return Limits(body_bytes=self.max_body_bytes, json_depth=self.max_json_depth)
