"""Every error code of both databases has an answer: what a client can cause is never a 500."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from crudgen.kit.database.faults import condition_of, http_error
from tests.support.servers import Api, Servers

HERO = {"name": "n", "secret_name": "s"}
STATES = sorted(
    {
        str(kind.sqlstate)  # type: ignore[attr-defined]
        for kind in vars(psycopg.errors).values()
        if isinstance(kind, type) and isinstance(getattr(kind, "sqlstate", None), str)
    }
)
"""Those of appendix A of PostgreSQL's documentation."""
CONFLICTS = re.compile(r"23(001|503|505|P01)")
REFUSED = re.compile(r"09...|22(?!00H|P06)...|23(000|502|514)|27...|40002|44...|5400[01]|P0001")
UNAVAILABLE = re.compile(
    r"08...|0P...|2200H|25(006|P03|P04)|26...|28...|3[DF]...|40(?!002)...|42501|42703|42P0[15]|53..."
    r"|55(006|P02|P03)|57...|58...|72...|F0...|HV...|XX00[12]"
)


def expected(state: str) -> int:
    if CONFLICTS.fullmatch(state):
        return 409
    if REFUSED.fullmatch(state):
        return 422
    return 503 if UNAVAILABLE.fullmatch(state) else 500


@pytest.fixture(scope="module")
def api(servers: Servers, new_database: Callable[[str], str], root: Path) -> Iterator[Api]:
    started = servers.start(root / "entities", "served", new_database("postgresql"))
    with started.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE chosen (state text); INSERT INTO chosen VALUES ('');"
            "CREATE FUNCTION fail() RETURNS trigger AS $$ BEGIN"
            " RAISE EXCEPTION 'the reason of %%', (SELECT state FROM chosen)"
            " USING ERRCODE = (SELECT state FROM chosen);"
            " END $$ LANGUAGE plpgsql;"
            "CREATE TRIGGER fail BEFORE INSERT ON hero FOR EACH ROW EXECUTE FUNCTION fail()"
        )
    yield started
    servers.end(started)


@pytest.fixture
def choosing(api: Api) -> Iterator[psycopg.Connection]:
    with psycopg.connect(api.database, autocommit=True) as connection:
        yield connection


@pytest.mark.slow
def test_every_state_of_postgresql_has_an_answer(api: Api, choosing: psycopg.Connection) -> None:
    assert len(STATES) > 240
    wrong = []
    for state in [*STATES, "ZZ999", "22ZZZ", "57ZZZ"]:
        choosing.execute("UPDATE chosen SET state = %s", (state,))
        answer = api.client.post("/heroes/", json=HERO)
        status = 422 if state == "22ZZZ" else 503 if state == "57ZZZ" else expected(state)
        if answer.status_code != status:
            wrong.append((state, answer.status_code))
        assert "reason" not in answer.text
        if answer.status_code in {409, 422}:
            assert all(one["type"] and one["loc"] for one in answer.json()["detail"])
        else:
            assert isinstance(answer.json()["detail"], str)
        if answer.status_code == 503:
            assert answer.headers["retry-after"] == "1"
    assert wrong == []
    log = api.log.read_text()
    assert log.count("permission denied: the reason of 42501") == 1
    assert log.count("full: the reason of") == 1  # of two states, one condition
    assert "Traceback" in api.log_with("the reason of XX000")


PRIMARY = {
    "ERROR": 500, "INTERNAL": 500, "PERM": 503, "ABORT": 503, "BUSY": 503, "LOCKED": 503,
    "NOMEM": 503, "READONLY": 503, "INTERRUPT": 503, "IOERR": 503, "CORRUPT": 503,
    "NOTFOUND": 500, "FULL": 503, "CANTOPEN": 503, "PROTOCOL": 503, "EMPTY": 500, "SCHEMA": 503,
    "TOOBIG": 422, "CONSTRAINT": 422, "MISMATCH": 422, "MISUSE": 500, "NOLFS": 503, "AUTH": 503,
    "FORMAT": 500, "RANGE": 500, "NOTADB": 503, "NOTICE": 500, "WARNING": 500,
}  # fmt: skip
"""The primary result codes of sqlite3.h."""
OTHERS = {
    "CONSTRAINT_FOREIGNKEY": 409,
    "CONSTRAINT_PRIMARYKEY": 409,
    "CONSTRAINT_ROWID": 409,
    "CONSTRAINT_UNIQUE": 409,
}
"""The extended codes that are not what their primary code is."""
EXTENDED = sorted(
    name.removeprefix("SQLITE_")
    for name in dir(sqlite3)
    if re.fullmatch(rf"SQLITE_({'|'.join(PRIMARY)})(_[A-Z0-9_]+)?", name)
    and (getattr(sqlite3, name) > 0xFF or name.removeprefix("SQLITE_") in PRIMARY)
)


def raised(code: int) -> Any:
    error = sqlite3.OperationalError("the reason")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize("name", EXTENDED)
def test_every_result_code_of_sqlite_has_an_answer(name: str) -> None:
    code = getattr(sqlite3, f"SQLITE_{name}")
    error = raised(code)
    status = OTHERS.get(name, PRIMARY[name.partition("_")[0]])
    for one in (error, DBAPIError("", {}, error)):
        answer = http_error(one)
        assert getattr(answer, "status_code", 500) == status
        assert "reason" not in str(getattr(answer, "detail", ""))
        assert (condition_of(one) is not None) == (status == 503)


def test_the_primary_result_codes_are_all_there() -> None:
    assert len(EXTENDED) > 80
    for code in range(1, 29):
        assert getattr(http_error(raised(code)), "status_code", 500) in {409, 422, 500, 503}
