"""Database URLs: each parameter is kept or refused by name, and no message shows a password."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import Conninfo
from servers import Servers

from crudgen.kit.database.urls import read_postgresql_url, shown
from crudgen.kit.errors import StartupError

KEPT = [
    ("postgresql://a:1,b:2/db", {"host": "a,b", "port": "1,2", "dbname": "db"}),
    ("postgresql:///db?host=a,b&port=1,2", {"host": "a,b", "port": "1,2", "dbname": "db"}),
    ("postgresql://a,b:2/db", {"host": "a,b", "port": ",2", "dbname": "db"}),
    ("postgresql://[::1]:5,[::2]/db", {"host": "::1,::2", "port": "5,", "dbname": "db"}),
    ("postgresql://%2Ftmp/db", {"host": "/tmp", "dbname": "db"}),  # noqa: S108 - never opened
    (
        "postgres://u%40x:p%2F%3A@h/d",
        {"user": "u@x", "password": "p/:", "host": "h", "dbname": "d"},
    ),
    ("postgresql+asyncpg://h/db", {"host": "h", "dbname": "db"}),
    (
        "postgresql://h/db?options=-csearch_path%3Dtenant_a",
        {"host": "h", "dbname": "db", "options": "-csearch_path=tenant_a"},
    ),
    ("postgresql://h/db?ssl=true", {"host": "h", "dbname": "db", "sslmode": "require"}),
    (
        "postgresql://h/db?target_session_attrs=read-write&load_balance_hosts=random",
        {
            "host": "h",
            "dbname": "db",
            "target_session_attrs": "read-write",
            "load_balance_hosts": "random",
        },
    ),
    ("postgresql://", {}),
]
REFUSED = [
    ("postgresql://u:p@hunter2@host/db", "write %40 for @"),
    ("postgresql://u:p/hunter2@host/db", "write %40 for @, %2F for /"),
    ("postgresql://u:5/hunter2@host/db", "%2F for /"),
    ("postgresql://u:5/x?hunter2=c@host/db", "%2F for /"),
    ("postgresql://u:%hunter2@host/db", "%25 for %"),
    ("postgresql://u:a hunter2@host/db", "%20 for a blank"),
    ("postgresql://u:hunter2@host:port/db", "a port that is no number"),
    ("postgresql://u:hunter2@host:99999/db", "between 1 and 65535"),
    ("postgresql://u:hunter2@a:1,b:0/db", "between 1 and 65535"),
    ("postgresql:///db?host=a,b&port=1,2,3", "2 hosts and 3 ports"),
    ("postgresql://h/db?ssl=require", "its name is sslmode=require"),
    ("postgresql://h/db?schema=x", "options=-csearch_path%3DNAME"),
    ("postgresql://h/db?currentSchema=x", "options=-csearch_path%3DNAME"),
    ("postgresql://h/db?pgbouncer=true", "leave it out"),
    ("postgresql://h/db?connection_limit=5", "DATABASE_CONNECTIONS"),
    ("postgresql://h/db?prepareThreshold=0", "DATABASE_PREPARED"),
    ("postgresql://h/db?sslmod=require", "its name is sslmode"),
    ("postgresql://h/db?sslmode=yes", "invalid sslmode value"),
    ("postgresql://h/db?target_session_attrs=rw", "invalid target_session_attrs value"),
    ("postgresql://h/db?connect_timeout=soon", "connect_timeout should be a number"),
    ("postgresql://h/db?client_encoding=latin1", "client_encoding is always UTF8"),
    ("postgresql://h/db?replication=database", "replication"),
    ("postgresql://h/db?options=-ca%3Db&options=-cc%3Dd", "twice"),
    ("postgresql://h/db?host=other", "names the host before and behind"),
    ("postgresql://h:5/db?port=6", "names the port before and behind"),
]


SERVERS = ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")


@pytest.mark.parametrize("wanted", SERVERS)
@pytest.mark.parametrize("hosts", ["h", "a:1,b:2"])
def test_every_kind_of_server_can_be_wanted(hosts: str, wanted: str) -> None:
    url = f"postgresql://{hosts}/db?target_session_attrs={wanted}"
    assert read_postgresql_url(url)["target_session_attrs"] == wanted


@pytest.mark.parametrize(("url", "parameters"), KEPT)
def test_what_libpq_knows_is_kept(url: str, parameters: dict[str, str]) -> None:
    assert read_postgresql_url(url) == parameters


@pytest.mark.parametrize(("url", "expected"), REFUSED)
def test_the_rest_is_refused_in_two_lines(url: str, expected: str) -> None:
    with pytest.raises(StartupError) as refused:
        read_postgresql_url(url)
    message = str(refused.value)
    assert expected in message
    assert len(message.splitlines()) == 2
    assert "hunter2" not in message
    assert "hunter2" not in shown(url)


def test_every_parameter_of_libpq_is_kept_or_refused_by_name() -> None:
    values = {
        "channel_binding": "prefer",
        "gssencmode": "disable",
        "load_balance_hosts": "disable",
        "require_auth": "none",
        "sslcertmode": "allow",
        "sslmode": "allow",
        "sslnegotiation": "postgres",
        "target_session_attrs": "any",
        "client_encoding": "UTF8",
        "hostaddr": "127.0.0.1",
        "port": "5433",
        "ssl_min_protocol_version": "TLSv1.2",
        "ssl_max_protocol_version": "TLSv1.3",
        "min_protocol_version": "3.0",
        "max_protocol_version": "3.0",
        "scram_client_key": "A" * 43 + "=",
        "scram_server_key": "A" * 43 + "=",
    }
    for option in Conninfo.get_defaults():
        name = option.keyword.decode()
        value = values.get(name, "1")
        try:
            read = read_postgresql_url(f"postgresql:///?{name}={value.replace('=', '%3D')}")
        except StartupError as error:
            assert name in str(error)  # noqa: PT017 - most are not refused
        else:
            assert read[name] == value


def serve(folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crudgen", "serve", "--port", "0", "--database", url]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "url", ["postgresql://u:p@hunter2@host/db", "postgresql://u:hunter2@host/db?schema=x"]
)
def test_a_url_that_is_refused_ends_the_start(root: Path, url: str) -> None:
    refused = serve(root, url)
    assert refused.returncode == 1
    assert "hunter2" not in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 2


@pytest.mark.parametrize("mode", ["served", "emitted"])
@pytest.mark.parametrize("by", ["url", "PGOPTIONS", "role"])
def test_the_schema_that_a_url_or_the_environment_names_is_used(
    servers: Servers, new_database: Callable[[str], str], root: Path, mode: str, by: str
) -> None:
    url = new_database("postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA tenant_a")
        if by == "role":
            name = connection.info.dbname
            connection.execute(f"ALTER DATABASE {name} SET search_path = tenant_a")
    options = {"PGOPTIONS": "-c search_path=tenant_a"} if by == "PGOPTIONS" else {}
    used = f"{url}&options=-csearch_path%3Dtenant_a" if by == "url" else url
    api = servers.start(root / "entities", mode, used, settings=options)
    assert api.ask("POST", "/heroes/", json={"name": "n", "secret_name": "s"}).is_success
    api.stop()
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT count(*) FROM tenant_a.hero").fetchone()
        others = connection.execute("SELECT to_regclass('public.hero')").fetchone()
    assert (found, others) == ((1,), (None,))
