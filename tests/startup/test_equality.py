"""A new database equals its spec by its catalogue alone, and no change of the spec goes unseen."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import cache

import psycopg
import pytest
from sqlalchemy import Connection, NullPool, create_engine, event, text

from crudgen.kit.database.catalogue import TableDefinition
from tests.startup.started import Application, application
from tests.support.random_specs import accepted, random_schema

pytestmark = pytest.mark.long

Connect = Callable[[], AbstractContextManager[Connection]]
SEEDS = int(os.environ.get("SEEDS", "3"))
TYPES = (
    *("str", "str(..80)", "str(1..80)", "str?", "str unique", "text", "email", "url"),
    *("int", "int(0..)", "int(0..5)", "int(1..5)", "int(..5)", "int(-1..5)", "int = 5"),
    *("float", "float(0.5..)", "float(..0.5)", "bool", "date", "time", "datetime", "uuid", "json"),
    *("decimal(10,2)", "decimal(10,4)", "decimal(12,2)", "decimal(18,0)", "bytes", "bytes(..10)"),
    *("enum(a)", "enum(a, b)", "enum(a, c)", "enum(a, b, c)"),
)
SAME = {("int", "int = 5"), ("int = 5", "int")}
"""A default is the application's: the database need not know it."""


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Connect:
    """A function that connects to a place without tables, which is forgotten afterwards."""
    kind: str = request.param

    @contextmanager
    def connect() -> Iterator[Connection]:
        if kind == "sqlite":
            engine = create_engine("sqlite://")
        else:
            url: str = request.getfixturevalue("postgresql")
            engine = create_engine(
                url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool
            )
        with engine.connect() as connection:
            if kind == "postgresql":
                connection.execute(text("CREATE SCHEMA trial"))
                connection.execute(text("SET LOCAL search_path = trial"))
            yield connection
            connection.rollback()
        engine.dispose()

    return connect


@pytest.mark.parametrize("seed", range(SEEDS))
def test_new_tables_equal_the_models(database: Connect, seed: int) -> None:
    app = random_application(seed)
    with database() as connection:
        app.metadata.create_all(connection)
        statements: list[str] = []
        event.listen(
            connection, "before_cursor_execute", lambda *given: statements.append(given[2])
        )
        assert app.findings(connection) == []
        assert statements
        reads = ("SELECT", "SAVEPOINT", "ROLLBACK TO", "RELEASE")
        assert all(one.lstrip().startswith(reads) for one in statements), statements


@cache
def robot(fields: str) -> Application:
    """Generate an application once for both databases."""
    return application(f"name: Robot\nfields:\n{fields}")


@cache
def random_application(seed: int) -> Application:
    return application(random_schema(seed, 6, 12))


@pytest.mark.long_cases("postgresql")
@pytest.mark.slow
def test_every_change_of_a_type_is_noticed(database: Connect) -> None:
    apps = {kind: robot(f"  x: {kind}\n  y: bool\n") for kind in TYPES}
    for kind, app in apps.items():
        with database() as connection:
            app.metadata.create_all(connection)
            for other, changed in apps.items():
                findings = changed.findings(connection)
                same = kind == other or (kind, other) in SAME
                assert (findings == []) == same, (kind, other, findings)


def test_words_that_look_like_sql(database: Connect) -> None:
    words = [
        "it's",
        "50%",
        "%%",
        "%s",
        'say "x"',
        "back\\slash",
        "a, b",
        "(",
        "--",
        "/*",
        "'::text",
    ]
    words += ["::", "x'00'", "E'", "ARRAY[", "null", "été", "漢字", "🦸", "a  b", "[x]", "`"]
    for some in (words, words[:1], words[-1:]):
        spec = {"name": "Robot", "fields": {"x": {"type": "enum", "values": some}, "y": "int"}}
        app = application(json.dumps(spec, ensure_ascii=False))
        with database() as connection:
            app.metadata.create_all(connection)
            assert app.findings(connection) == []


SETTINGS = (
    *("quote_all_identifiers = on", "search_path = trial, pg_catalog", "extra_float_digits = -15"),
    *("bytea_output = 'escape'", "DateStyle = 'SQL, DMY'", "standard_conforming_strings = off"),
    *("IntervalStyle = 'sql_standard'", "default_transaction_isolation = 'serializable'"),
)


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_of_the_session_make_no_difference(postgresql: str, setting: str) -> None:
    fields = "".join(f"  f{number}: {kind}\n" for number, kind in enumerate(TYPES))
    app = robot(f"{fields}  w: enum(b-c, d.e)\n")
    url = postgresql.replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("CREATE SCHEMA trial"))
        connection.execute(text("SET LOCAL search_path = trial"))
        app.metadata.create_all(connection)
        connection.execute(text(f"SET LOCAL {setting}"))
        assert app.findings(connection) == []
        connection.rollback()
    engine.dispose()


@pytest.mark.long_cases("postgresql")
def test_keywords_as_names(database: Connect, postgresql: str) -> None:
    with psycopg.connect(postgresql) as connection:
        found = connection.execute("SELECT word FROM pg_get_keywords()").fetchall()
    words = {str(word) for (word,) in found} | {"abort", "autoincrement", "glob", "isnull", "raise"}
    usable = [word for word in sorted(words) if accepted({"name": "W", "fields": {word: "int?"}})]
    assert len(usable) > 300
    texts = {}
    for start in range(0, len(usable), 100):
        kinds = ("int(0..5)?", "str(1..5)?", "enum(a, b)?", "str(..9) unique", "int(..7) index")
        lines = [
            f"  '{word}': {kinds[index % len(kinds)]}\n"
            for index, word in enumerate(usable[start : start + 100])
        ]
        name = f"Words{'abcdefg'[start // 100]}"
        texts[name] = f"name: {name}\nplural: many_{start}\nfields:\n{''.join(lines)}"
    app = application(texts)
    with database() as connection:
        app.metadata.create_all(connection)
        assert app.findings(connection) == []


KEYS = ("int pk read_only", "int pk", "str pk", "uuid pk", "uuid pk read_only")


def test_every_change_of_a_key_is_noticed(database: Connect) -> None:
    """But for who makes a UUID: the table is the same."""
    apps = {kind: robot(f"  x: {kind}\n  y: bool\n") for kind in KEYS}
    for kind, app in apps.items():
        with database() as connection:
            app.metadata.create_all(connection)
            for other, changed in apps.items():
                same = kind == other or (kind[:4] == other[:4] == "uuid")
                assert (changed.findings(connection) == []) == same, (kind, other)


@pytest.mark.parametrize(
    "changed",
    [
        "  a: int\n  b: int\n  c: int\n",
        "  a: int\n  b: int\nunique: [[a, b]]\n",
        "  a: int unique\n  b: int\n",
        "  a: int index\n  b: int\n",
        "  a: int\n  b: int\nindex: [[b, a]]\n",
        "  a: int?\n  b: int\n",
    ],
)
def test_what_is_added_and_taken_away_is_noticed(database: Connect, changed: str) -> None:
    before, after = robot("  a: int\n  b: int\n"), robot(changed)
    for first, second in ((before, after), (after, before)):
        with database() as connection:
            first.metadata.create_all(connection)
            only_an_index = "index" in changed and first is after
            assert only_an_index or second.findings(connection)


def changes(table: TableDefinition) -> Iterator[TableDefinition]:
    """Change one thing at a time that a model can change."""
    for index, column in enumerate(table.columns):
        before, after = table.columns[:index], table.columns[index + 1 :]
        if column.nullable:
            yield replace(table, columns=(*before, *after))
        yield replace(table, columns=(*before, replace(column, name="another"), *after))
        yield replace(table, columns=(*before, replace(column, type="POINT"), *after))
        turned = replace(column, nullable=not column.nullable)
        yield replace(table, columns=(*before, turned, *after))
        if column.generator.name != "NONE":
            given = replace(column, generator=type(column.generator).NONE)
            yield replace(table, columns=(*before, given, *after))
    for index, check in enumerate(table.checks):
        before_, after_ = table.checks[:index], table.checks[index + 1 :]
        yield replace(table, checks=(*before_, *after_))
        wider = replace(check, normalized=f"NOT ({check.normalized})")
        yield replace(table, checks=(*before_, wider, *after_))
    for index in range(len(table.uniques)):
        yield replace(table, uniques=table.uniques[:index] + table.uniques[index + 1 :])
    yield replace(table, key=None)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_change_of_a_random_table_is_noticed(database: Connect, seed: int) -> None:
    app = random_application(seed)
    compare = app.module("kit.database.comparison").compare
    counted = 0
    with database() as connection:
        wanted = app.module("kit.database.catalogue").expected_tables(
            connection, app.metadata.sorted_tables
        )
    for table in wanted.values():
        assert compare(table, table) == []
        for changed in changes(table):
            counted += 1
            assert any(one.prevents_start for one in compare(changed, table)), changed
    assert counted > 20
