"""Databases behind PgBouncer, and its settings."""

from collections.abc import Mapping
from configparser import ConfigParser

import psycopg
from sqlalchemy import make_url

from tests.docs.pages import blocks_of

Settings = Mapping[str, object]
TRANSACTION: Settings = {"pool_mode": "transaction", "default_pool_size": 4}
IGNORED: Settings = {"ignore_startup_parameters": "extra_float_digits,options"}


def documented_settings() -> Settings:
    """Return the settings of docs/how-to/deployment.md, but where to listen and who may connect."""
    parser = ConfigParser()
    parser.read_string(blocks_of("docs/how-to/deployment.md", "ini")[0].text)
    own = ("listen", "auth")
    return {k: value for k, value in parser["pgbouncer"].items() if not k.startswith(own)}


def alter(database: str, setting: str) -> None:
    """Set what sessions of a database begin with."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {make_url(database).database} SET {setting}")
