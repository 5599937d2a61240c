"""The database of the application, SQLite or PostgreSQL."""

from .backend import Change
from .core import Database
from .dependencies import DatabaseDep, SessionDep, database, session

__all__ = ["Change", "Database", "DatabaseDep", "SessionDep", "database", "session"]
