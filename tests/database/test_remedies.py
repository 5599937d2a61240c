"""What to do about connections that fail, by the messages of PostgreSQL."""

import psycopg
import pytest
from sqlalchemy import create_engine

from crudgen.kit.database.requirements import startup_errors
from crudgen.kit.errors import UnreachableError


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ('database "shop" does not exist', 'CREATE DATABASE "shop", or correct its name'),
        ('role "app" does not exist', 'CREATE ROLE "app" LOGIN, or correct the user'),
        ('role "app" is not permitted to log in', "ALTER ROLE … LOGIN"),
        ('password authentication failed for user "app"', "correct the password in the URL"),
        ("fe_sendauth: no password supplied", "correct the password in the URL"),
        ("pg_hba.conf rejects connection for host", "let pg_hba.conf accept this user"),
        ("no pg_hba.conf entry for host", "let pg_hba.conf accept this user"),
        ("failed to resolve host 'db': [Errno -2]", "correct the host in the URL"),
        ('too many connections for role "app"', "close other connections"),
        ("sorry, too many clients already", "close other connections"),
        ("remaining connection slots are reserved for roles", "close other connections"),
        ('database "shop" is not currently accepting connections', "ALLOW_CONNECTIONS true"),
        ("Connection refused", "check that the server is running"),
    ],
)
def test_failed_connections_have_a_remedy(message: str, remedy: str) -> None:
    with pytest.raises(UnreachableError) as caught, startup_errors(create_engine("sqlite://"), "x"):
        raise psycopg.OperationalError(f"connection failed: {message}")
    problem, line = str(caught.value).split("\n")
    assert message in problem
    assert remedy in line
