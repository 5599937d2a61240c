"""Databases behind PgBouncer, and its settings."""

from collections.abc import Mapping

import psycopg
from sqlalchemy import make_url

Settings = Mapping[str, object]
TRANSACTION: Settings = {"pool_mode": "transaction", "default_pool_size": 4}
IGNORED: Settings = {"ignore_startup_parameters": "extra_float_digits,options"}


def alter(database: str, setting: str) -> None:
    """Set what sessions of a database begin with."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {make_url(database).database} SET {setting}")
