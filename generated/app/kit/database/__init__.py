"""The database of the application, SQLite or PostgreSQL."""

from .core import Database
from .dependencies import DatabaseDep, SessionDep, database, session
from .transaction import Change

__all__ = ["Change", "Database", "DatabaseDep", "SessionDep", "database", "session"]
