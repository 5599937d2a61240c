"""Database URLs: parsing by libpq, validation, and display in messages."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any
from urllib.parse import quote, unquote

from ..errors import DatabaseStartupError

_URL = re.compile(r"(?P<scheme>[a-z0-9]+)(\+[a-z0-9_]+)?://(?P<rest>.*)", re.DOTALL)
_EXAMPLE = "postgresql://user:password@host/name"
_ESCAPES = "in a user name or password, write %40 for @, %2F for / and %3A for :"
_PLACE = r"(\[[^\]]*\]|[^:]*)(?::(.*))?"
"""A host, or an IPv6 address in brackets, and an optional port."""
_PARAMETER = re.compile(r"\?[a-z_]+=")
_SEE_DOCUMENTATION = "see PostgreSQL's documentation of connection parameters"
_DIGITS = re.compile(r"[0-9]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAME = re.compile(r"[A-Za-z_]{1,40}")
_NUMBERS = (
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
)
_REFUSED = {
    "replication": "remove it: replication connections accept no ordinary statements",
}
_OTHER_NAMES = {
    "application": "application_name",
    "applicationname": "application_name",
    "charset": "",
    "connecttimeout": "connect_timeout",
    "connection_limit": "DATABASE_CONNECTIONS",
    "currentschema": "options=-csearch_path%3DNAME",
    "database": "dbname",
    "encoding": "",
    "pgbouncer": "",
    "pool_size": "DATABASE_CONNECTIONS",
    "pool_timeout": "LOCK_SECONDS",
    "prepared_statements": "DATABASE_PREPARED",
    "prepared_statement_cache_size": "DATABASE_PREPARED",
    "preparethreshold": "DATABASE_PREPARED",
    "schema": "options=-csearch_path%3DNAME",
    "search_path": "options=-csearch_path%3DNAME",
    "socket_timeout": "STATEMENT_SECONDS",
    "ssl": "sslmode=require",
    "sslaccept": "sslmode",
    "ssl_mode": "sslmode",
    "sslrootcertificate": "sslrootcert",
    "statement_cache_size": "DATABASE_PREPARED",
    "statement_timeout": "STATEMENT_SECONDS",
    "targetservertype": "target_session_attrs",
    "timeout": "connect_timeout",
    "timezone": "",
    "username": "user",
}
"""Names of parameters in other drivers: the name in libpq, a setting, or empty if not needed."""


def scheme_of(url: str) -> str:
    """Return `sqlite`, `postgresql`, or another scheme; empty if the text is not a URL.

    The driver name that SQLAlchemy allows after a plus sign is ignored.
    """
    match = _URL.fullmatch(url)
    scheme = match["scheme"] if match else ""
    return "postgresql" if scheme == "postgres" else scheme


def mask_url(url: str) -> str:
    """Return a URL for messages, without anything that may be part of a password."""
    scheme = scheme_of(url)
    if scheme == "sqlite":
        return url
    if scheme != "postgresql":
        return "(not a database URL)"
    try:
        return describe_parameters(read_postgresql_url(url))
    except (DatabaseStartupError, ImportError):
        return "postgresql://…"


def describe_parameters(parameters: Mapping[str, str]) -> str:
    """Return libpq parameters as a URL with user, hosts and database, but no password."""
    hosts = parameters.get("host", parameters.get("hostaddr", "")).split(",")
    ports = parameters.get("port", "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else [*ports, *[""] * len(hosts)]
    places = [
        (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
        for host, port in zip(hosts, ports, strict=False)
    ]
    user = f"{quote(parameters['user'], safe='')}@" if "user" in parameters else ""
    return f"postgresql://{user}{','.join(places)}/{quote(parameters.get('dbname', ''), safe='')}"


def read_postgresql_url(url: str) -> dict[str, str]:
    """Return the libpq parameters of a URL (PostgreSQL's documentation, section 34.1.1.2).

    Raises StartupError for a URL that libpq rejects or is likely to misunderstand, ImportError if
    the driver is not installed.
    """
    conninfo = import_module("psycopg.conninfo")
    match = _URL.fullmatch(url)
    rest = match["rest"] if match else ""
    check_characters(url)
    _check_authority(rest)
    _check_query(rest)
    try:
        read = conninfo.conninfo_to_dict(f"postgresql://{rest}")
    except (conninfo.e.ProgrammingError, UnicodeError):
        raise DatabaseStartupError(
            f"database: PostgreSQL's library libpq cannot parse the URL\n"
            f"  write {_EXAMPLE}; {_ESCAPES}, %20 for a space, %25 for %"
        ) from None
    parameters = {name: str(value) for name, value in read.items()}
    _check_values(parameters)
    return parameters


def check_characters(url: str) -> None:
    """Raise StartupError for control characters, such as a line break at the end of a file."""
    if _CONTROL.search(url):
        message = "database: the URL has a line break or another control character"
        raise DatabaseStartupError(
            f"{message}\n  write it in one line, without a line break at the end"
        )


def _check_authority(rest: str) -> None:
    """Raise StartupError if a part of the password may be parsed as host, port or database."""
    authority, _, behind = rest.partition("/")
    user, _, _ = authority.rpartition("@")
    if "@" in user or "@" in behind or _PARAMETER.search(user):
        message = "database: the URL has an @ in the user, the password or the path"
        raise DatabaseStartupError(f"{message}\n  {_ESCAPES}")
    for port in _hosts_and_ports(rest)[1]:
        if port and not _DIGITS.fullmatch(port):
            message = "database: the URL has an invalid port"
            raise DatabaseStartupError(f"{message}\n  write {_EXAMPLE}; {_ESCAPES}")


def _hosts_and_ports(rest: str) -> tuple[list[str], list[str]]:
    """Return the hosts and ports of a URL, without those of its parameters."""
    authority = rest.rpartition("@")[2].partition("?")[0].partition("/")[0]
    found = [re.fullmatch(_PLACE, place) for place in authority.split(",")]
    places = [place.groups() if place else (authority, "") for place in found]
    return [host for host, _ in places], [port or "" for _, port in places]


def _check_query(rest: str) -> None:
    """Raise StartupError for unknown parameters, and for those given twice."""
    query = rest.rpartition("@")[2].partition("?")[2]
    names = [unquote(part.partition("=")[0]) for part in query.split("&") if part]
    known = _parameters_of_libpq()
    for name in names:
        if name in _REFUSED:
            raise DatabaseStartupError(
                f"database: the URL has the parameter {name}\n  {_REFUSED[name]}"
            )
        if names.count(name) > 1 and name in known:
            raise DatabaseStartupError(
                f"database: the URL has the parameter {name} twice\n  write it once"
            )
        if name not in known and (name, query) != ("ssl", "ssl=true"):
            raise DatabaseStartupError(_unknown_parameter(name, known))
    for name, before in zip(("host", "port"), _hosts_and_ports(rest), strict=True):
        if name in names and any(before):
            message = f"database: the URL gives the {name} both before and after the '?'"
            raise DatabaseStartupError(f"{message}\n  remove one of them")


def _parameters_of_libpq() -> list[str]:
    options = import_module("psycopg.pq").Conninfo.get_defaults()
    return [option.keyword.decode() for option in options]


def _unknown_parameter(name: str, known: list[str]) -> str:
    if not _NAME.fullmatch(name):
        message = "database: the URL has a parameter that libpq does not know"
        return f"{message}\n  {_ESCAPES}"
    message = f"database: the URL has the parameter {name}, which libpq does not know"
    other = _OTHER_NAMES.get(name.lower())
    if other == "":
        return f"{message}\n  remove it: the application handles it automatically"
    if other is not None and other.isupper():
        return f"{message}\n  remove it, and set {other} instead"
    similar = [other] if other else get_close_matches(name.lower(), known, 1)
    return f"{message}\n  " + (f"did you mean {similar[0]}?" if similar else "remove it")


def _check_values(parameters: Mapping[str, str]) -> None:
    """Raise StartupError for values that would prevent connections, or change the encoding."""
    problem = next(_value_problems(parameters), None)
    if problem is not None:
        raise DatabaseStartupError(f"database {describe_parameters(parameters)}: {problem}")


def _value_problems(parameters: Mapping[str, str]) -> Iterator[str]:
    encoding = parameters.get("client_encoding", "utf8")
    if encoding.lower().replace("-", "").replace("_", "") not in {"utf8", "unicode"}:
        yield "client_encoding must be UTF8\n  remove it from the URL"
    for name in _NUMBERS:
        if not re.fullmatch(r"-?[0-9]{1,9}", parameters.get(name, "0")):
            yield f"{name} should be an integer\n  {_SEE_DOCUMENTATION}"
    hosts = parameters.get("host", parameters.get("hostaddr", "")).split(",")
    ports = parameters.get("port", "").split(",")
    if len(ports) not in {1, len(hosts)}:
        yield f"{len(hosts)} hosts, but {len(ports)} ports\n  give one port, or one for each host"
    for port in ports:
        if port and not (_DIGITS.fullmatch(port) and 0 < int(port[:9]) < 65536):
            yield "a port is not between 1 and 65535\n  the default port is 5432"
    rejected = _rejected_option(parameters)
    if rejected:
        yield f"{rejected}\n  {_SEE_DOCUMENTATION}"


def _rejected_option(parameters: Mapping[str, str]) -> str:
    """Return libpq's error about an option, such as an unknown `sslmode`; empty if there is none.

    libpq checks the options of the URL and the environment before it connects. The host is a
    directory that does not exist, so any other error is about an option.
    """
    connection = _unconnected_libpq(parameters)
    try:
        message = connection.get_error_message().strip()
    finally:
        connection.finish()
    return "" if _MISSING_HOST["host"] in message else message.partition("\n")[0]


def effective_parameters(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a URL, and those of the environment and of a service file."""
    connection = _unconnected_libpq(parameters)
    try:
        found = {option.keyword.decode(): option.val for option in connection.info}
    finally:
        connection.finish()
    added = {name: value.decode() for name, value in found.items() if value}
    return {name: value for name, value in added.items() if name not in _MISSING_HOST} | {
        **parameters
    }


def _unconnected_libpq(parameters: Mapping[str, str]) -> Any:
    """Return a libpq connection to a host that does not exist: it has only parsed the options."""
    driver = import_module("psycopg.pq").PGconn
    make_conninfo = import_module("psycopg.conninfo").make_conninfo
    options = {name: value for name, value in parameters.items() if name not in _NOT_CHECKED}
    return driver.connect_start(make_conninfo(**{**options, **_MISSING_HOST}).encode())


_MISSING_HOST = {
    "host": "/nonexistent/crudgen",
    "hostaddr": "",
    "port": "1",
    "user": "nobody",
    "password": "-",
    "gssencmode": "disable",  # cannot be required of a directory
}
_NOT_CHECKED = {"dbname", "passfile"}
