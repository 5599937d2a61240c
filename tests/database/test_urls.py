"""Database URLs: each parameter is kept or refused by name, and no message shows a password."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import Conninfo

from crudgen.kit.database import Database
from crudgen.kit.database.urls import effective_parameters, mask_url, read_postgresql_url
from crudgen.kit.errors import StartupError
from tests.support import forked
from tests.support.servers import Servers

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
    ("postgresql://u:p?q#r@h/db", {"user": "u", "password": "p?q#r", "host": "h", "dbname": "db"}),
    (
        "postgresql://a,b/db?target_session_attrs=prefer-standby",
        {"host": "a,b", "port": ",", "dbname": "db", "target_session_attrs": "prefer-standby"},
    ),
    ("postgresql://", {}),
]
REFUSED = [
    ("postgresql://u:p@hunter2@host/db", "write %40 for @"),
    ("postgresql://u:p/hunter2@host/db", "write %40 for @, %2F for /"),
    ("postgresql://u:5/hunter2@host/db", "%2F for /"),
    ("postgresql://u:5/x?hunter2=c@host/db", "%2F for /"),
    ("postgresql://u:%hunter2@host/db", "%25 for %"),
    ("postgresql://u:a hunter2@host/db", "%20 for a space"),
    ("postgresql://u:hunter2@host:port/db", "an invalid port"),
    ("postgresql://u:hunter2@host:99999/db", "between 1 and 65535"),
    ("postgresql://u:hunter2@a:1,b:0/db", "between 1 and 65535"),
    ("postgresql:///db?host=a,b&port=1,2,3", "2 hosts, but 3 ports"),
    ("postgresql://h/db?ssl=require", "did you mean sslmode=require"),
    ("postgresql://h/db?schema=x", "options=-csearch_path%3DNAME"),
    ("postgresql://h/db?currentSchema=x", "options=-csearch_path%3DNAME"),
    ("postgresql://h/db?pgbouncer=true", "remove it"),
    ("postgresql://h/db?connection_limit=5", "DATABASE_CONNECTIONS"),
    ("postgresql://h/db?prepareThreshold=0", "DATABASE_PREPARED"),
    ("postgresql://h/db?sslmod=require", "did you mean sslmode"),
    ("postgresql://h/db?sslmode=yes", "invalid sslmode value"),
    ("postgresql://h/db?target_session_attrs=rw", "invalid target_session_attrs value"),
    ("postgresql://h/db?connect_timeout=soon", "connect_timeout should be an integer"),
    ("postgresql://h/db?client_encoding=latin1", "client_encoding must be UTF8"),
    ("postgresql://h/db?replication=database", "replication"),
    ("postgresql://h?user=u&password=hunter2@x", "write %40 for @"),
    ("postgresql://h:5432?password=p@hunter2", "write %40 for @"),
    ("postgresql://h/db?user=u&password=p@hunter2", "write %40 for @"),
    ("postgresql://u:hunter2@h/db\n", "a line break"),
    ("postgresql://u:hun\nter2@h/db", "a line break"),
    ("postgresql://u:hunter2\x00@h/db", "another control character"),
    ("postgresql://u:%FFhunter2@h/db", "libpq cannot parse the URL"),
    ("postgresql://u:hunter2@h/%FF", "libpq cannot parse the URL"),
    ("postgresql://u:hunter2@h:\uff15/db", "an invalid port"),
    ("postgresql://u:hunter2@h/db?port=\uff15", "between 1 and 65535"),
    ("postgresql://u:hunter2@h/db?service=nowhere", 'definition of service "nowhere" not found'),
    ("postgresql://h/db?options=-ca%3Db&options=-cc%3Dd", "twice"),
    ("postgresql://h/db?host=other", "gives the host both before and after the '?'"),
    ("postgresql://h:5/db?port=6", "gives the port both before and after the '?'"),
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
    assert "hunter2" not in mask_url(url)


@pytest.mark.parametrize("value", ["sqlite:///app.db\n", "sqlite:///a\x00.db", "\tsqlite:///a.db"])
def test_a_line_break_is_refused_for_sqlite_too(value: str) -> None:
    with pytest.raises(StartupError, match="a line break or another control character\n  write"):
        Database(value)


def test_a_name_is_shown_in_one_line() -> None:
    assert mask_url("postgresql://u@h/a%0Ab%20c") == "postgresql://u@h/a%0Ab%20c"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PGSSLMODE", "bogus"),
        ("PGSERVICE", "nowhere"),
        ("PGREQUIREAUTH", "bogus"),
        ("PGTARGETSESSIONATTRS", "bogus"),
    ],
)
def test_the_environment_is_refused_like_the_url(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(StartupError, match=f'"{value}"') as refused:
        read_postgresql_url("postgresql://h/db")
    assert len(str(refused.value).splitlines()) == 2


def test_what_the_environment_or_a_service_names_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    service = tmp_path / "services"
    service.write_text("[mine]\nkeepalives_idle=77\ntarget_session_attrs=read-write\n")
    monkeypatch.setenv("PGSERVICEFILE", str(service))
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "9")
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    for url in ("postgresql://h/db?service=mine", "postgresql://h/db?service=mine&keepalives=1"):
        named = effective_parameters(read_postgresql_url(url))
        assert (named["connect_timeout"], named["keepalives_idle"]) == ("9", "77")
        assert named["target_session_attrs"] == "read-write"
    own = effective_parameters({"connect_timeout": "4", "host": "h"})
    assert (own["connect_timeout"], own["host"]) == ("4", "h")
    assert "keepalives_idle" not in own
    assert "hostaddr" not in own


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
    options = ("--port", "0", "--database", url)
    return forked.run("crudgen", "serve", *options, folder=folder, environment=os.environ)


@pytest.mark.parametrize(
    "url", ["postgresql://u:p@hunter2@host/db", "postgresql://u:hunter2@host/db?schema=x"]
)
def test_a_url_that_is_refused_ends_the_start(root: Path, url: str) -> None:
    refused = serve(root, url)
    assert refused.returncode == 1
    assert "hunter2" not in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stderr
    _, _, origin = refused.stderr.strip().splitlines()
    assert origin == "  the URL is from --database"


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
