"""What can be set from outside: environment variables, or lines of a file `.env`."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class BaseAppSettings(BaseSettings):
    """Settings of every application; each is read from the variable of its name in capitals."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", hide_input_in_errors=True)

    database_url: str = "sqlite:///app.db"
    """SQLite (`sqlite:///app.db`) or PostgreSQL (`postgresql://user:password@host/name`)."""
    max_body_bytes: int = Field(default=1_048_576, ge=1024)
    """Largest request body; a larger one is answered 413."""
    database_connections: int = Field(default=10, ge=1, le=1000)
    """Most database connections of one process."""
    statement_seconds: float = Field(default=5.0, gt=0, le=3600)
    """Longest statement on PostgreSQL; a longer one is answered 503."""
    lock_seconds: float = Field(default=2.0, gt=0, le=3600)
    """Longest wait for a lock or a connection; a longer one is answered 503."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least important messages that are logged."""
