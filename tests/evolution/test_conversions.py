"""Conversions give what the application stores for the same value, or the value does not survive.

The database converts the values, and the type that the new column has in the models reads them.
"""

import json
import math
import random
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Float,
    LargeBinary,
    MetaData,
    NullPool,
    Table,
    Time,
    Uuid,
    create_engine,
    event,
    select,
    text,
)
from sqlmodel.sql.sqltypes import UTCDateTime

from crudgen.evolution.changes import SAME, Conversion
from crudgen.evolution.conversions import conversion
from crudgen.kit.database.catalogue import read_tables
from crudgen.kit.database.columns import Text
from crudgen.kit.types.dates import IsoDate, IsoTime, UtcDatetime
from crudgen.kit.types.decimals import Exact, ExactNumber
from crudgen.kit.types.json_value import JsonValue
from crudgen.kit.types.uuids import UuidText

GONE = object()
"""A value that does not survive."""
DIGITS = ((10, 2), (12, 2), (10, 4), (5, 2), (18, 18), (18, 0), (18, 5))
DECIMALS = {f"decimal({precision},{scale})": (precision, scale) for precision, scale in DIGITS}
TYPES: dict[str, Any] = {
    "str": Text(),
    "int": BigInteger(),
    "float": Float(),
    "bool": Boolean(),
    "date": Date(),
    "time": Time(),
    "datetime": UTCDateTime(),
    "uuid": Uuid(),
    "json": JsonValue(),
    "bytes": LargeBinary(),
    **{name: ExactNumber(*digits) for name, digits in DECIMALS.items()},
}
EXACT = Context(prec=1000)
RANDOM = random.Random(7)  # noqa: S311 -- not for secrets
FLOATS = [
    *(0.0, 1.0, -1.0, 0.1, -0.5, 19.99, 0.0001, 0.00001, 1e15, 1e16, 1e22, 1e300, 5e-324, 1e-7),
    *(0.1 + 0.2, 1 / 3, 2.0**53, 2.0**53 + 2, 2.0**62, 2.0**63, -(2.0**63), 123456789012345.6),
    *(999999999999999.0, 0.000123456789012345, 1.7976931348623157e308, 100.0, 99999999.99),
    *(round(RANDOM.uniform(-1e6, 1e6), RANDOM.randrange(8)) for _ in range(150)),
    *(RANDOM.uniform(-1e9, 1e9) for _ in range(50)),
]
MOMENTS = [
    *(datetime(2026, 1, 31, 12, 30, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)),
    *(datetime(2026, 3, 29, 0, 0, 0, 120000, tzinfo=UTC), datetime(1969, 7, 20, tzinfo=UTC)),
    datetime.max.replace(tzinfo=UTC),
]
TEXTS = [
    *(
        "",
        " ",
        "7",
        "007",
        " 7",
        "7 ",
        "-7",
        "+7",
        "-0",
        "0",
        "00",
        "1e3",
        "1_0",
        "7.0",
        "0x7",
        "\u0667",
    ),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808", "9" * 40, "1" * 400),
    *("7\n", "7x", "x7", "7\t", "1.5", "1.50", "1.500", "-1.5", ".5", "5.", "0.5", "-0.50", "1..5"),
    *("1.5.2", "--1", "1-2", "-", ".", "-.", "19.99", "99999999.99", "100000000", "0.10", "01.5"),
    *("99999999999999.99", "0.000000000000000001", "123456789012345", "1234567890123456"),
    *("0.1234567890123456789", "0.30000000000000004", "1e5", "1E-5", "1e400", "1e-400", "1e99999"),
    *("Infinity", "nan", "inf", "true", "false", "True", "TRUE", "t", "yes", "1", "null", "NULL"),
    *(
        "2026-01-31",
        "2026-02-29",
        "2024-02-29",
        "1900-02-29",
        "2026-13-01",
        "2026-1-31",
        "0000-01-01",
    ),
    *(
        "0001-01-01",
        "9999-12-31",
        "2026-04-31",
        "2026-01-00",
        "today",
        "now",
        "2026-01-31 ",
        "20260131",
    ),
    *(
        "12:30:00",
        "12:30",
        "24:00:00",
        "23:59:60",
        "12:30:00.5",
        "12:30:00.123456",
        "12:30:00.1234567",
    ),
    *(
        "12:30:00.",
        "12:60:00",
        "2026-01-31T12:30:00Z",
        "2026-01-31 12:30:00Z",
        "2026-01-31t12:30:00z",
    ),
    *("2026-01-31T12:30:00.5Z", "2026-01-31T12:30:00+00:00", "2026-01-31T12:30:00.25+00:00"),
    *(
        "2026-01-31T12:30:00+02:00",
        "2026-01-31T12:30:00",
        "2026-02-30T12:30:00Z",
        "2026-01-31T24:00:00Z",
    ),
    *(
        "0001-01-01T00:00:00Z",
        "2026-01-31T12:30:00.Z",
        "2026-01-31T12:30:00ZZ",
        "2026-01-31T12:30Z",
    ),
    *("550e8400-e29b-41d4-a716-446655440000", "550E8400-E29B-41D4-A716-446655440000"),
    *("550e8400e29b41d4a716446655440000", "{550e8400-e29b-41d4-a716-446655440000}"),
    *(
        "550e8400-e29b-41d4-a716-44665544000g",
        "{}",
        "[]",
        '"x"',
        '{"a": 1}',
        '{"a":[1, 2.5, null]}',
    ),
    *(
        '{"a": 1, "a": 2}',
        '{"a": 1, "\\u0061": 2}',
        "{'a': 1}",
        "[1,]",
        "[1e400]",
        "[1e300]",
        "[NaN]",
    ),
    *(
        '"\\ud83d\\ude00"',
        '"\\ud83d"',
        '{"\\udc00": 1}',
        '"\\\\ud83d"',
        '" é"',
        '[{"a": 1}, {"a": 2}]',
    ),
    *('"\x01"', "[" + "9" * 309 + "]", "tru", '"Type1e999"', "abc%d", "it's", '{"a": {"a": 1}}'),
    *(str(RANDOM.randrange(-(10**12), 10**12)) for _ in range(20)),
    *(f"{RANDOM.uniform(-1000, 1000):.{RANDOM.randrange(1, 12)}f}" for _ in range(150)),
]
VALUES: dict[str, Sequence[Any]] = {
    "str": TEXTS,
    "int": [
        0,
        1,
        -1,
        2,
        7,
        999,
        1000,
        -999,
        2**53,
        2**53 + 1,
        -(2**53),
        2**63 - 1,
        -(2**63),
        10**8,
    ],
    "float": FLOATS,
    "bool": [True, False],
    "date": [date(2026, 1, 31), date(1, 1, 1), date(9999, 12, 31), date(1969, 7, 20)],
    "time": [time(0), time(12, 30), time(23, 59, 59, 999999), time(1, 2, 3, 100000)],
    "datetime": MOMENTS,
    "uuid": [UUID(int=0), UUID("550E8400-E29B-41D4-A716-446655440000"), UUID(int=2**128 - 1)],
    "json": [1, 1.5, "x", True, [], {}, {"a": [1, None, {"b": "é\U0001f600"}]}, "it's", 10**30],
    "bytes": [b"", b"7", b"\x00\xff"],
    **{
        name: [
            Decimal(number).scaleb(-scale)
            for number in (
                0,
                1,
                -1,
                5,
                -5,
                100,
                12345,
                -99999,
                10**precision - 1,
                10**precision // 2,
            )
            if abs(number) < 10**precision
        ]
        for name, (precision, scale) in DECIMALS.items()
    },
}


def number(text: str) -> bool:
    return bool(re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", text))


def validated(kind: Any) -> Callable[[str], Any]:
    """Return what the application accepts as a value of a type."""
    adapter = TypeAdapter(kind)

    def read(text: str) -> Any:
        try:
            return adapter.validate_python(text)
        except ValidationError:
            return GONE

    return read


def text_to_int(text: str) -> Any:
    is_int = re.fullmatch("0|-?[1-9][0-9]*", text) and -(2**63) <= int(text) < 2**63
    return int(text) if is_int else GONE


def text_to_float(text: str) -> Any:
    if not number(text) or not math.isfinite(float(text)):
        return GONE
    return float(text) if Decimal(repr(float(text))) == Decimal(text) else GONE


def text_to_datetime(text: str) -> Any:
    return validated(UtcDatetime)(text) if text.endswith(("Z", "z", "+00:00")) else GONE


def text_to_json(text: str) -> Any:
    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(found)) < len(found):
            raise ValueError(found)
        return dict(found)

    def constant(name: str) -> None:
        raise ValueError(name)

    def finite(text: str) -> Any:
        if not math.isfinite(float(text)):
            raise ValueError(text)
        return float(text) if re.search("[.eE]", text) else int(text)

    try:
        value = json.loads(
            text,
            object_pairs_hook=pairs,
            parse_constant=constant,
            parse_float=finite,
            parse_int=finite,
        )
        json.dumps(value, ensure_ascii=False).encode()
    except ValueError:
        return GONE
    return GONE if value is None else value


def float_to_text(value: float) -> Any:
    return GONE if "e" in repr(value) else repr(value)


def fitting(name: str) -> Callable[[Any], Any]:
    """Return what a number is as a decimal."""
    precision, scale = DECIMALS[name]

    def convert(value: Any) -> Any:
        found = Decimal(repr(value) if isinstance(value, float) else value)
        scaled = found.scaleb(scale, EXACT)
        return found if scaled == int(scaled) and abs(scaled) < 10**precision else GONE

    return convert


def text_to_decimal(name: str) -> Callable[[str], Any]:
    form, convert = Exact(*DECIMALS[name]).pattern, fitting(name)
    return lambda text: convert(text) if re.fullmatch(form, text) else GONE


def whole(value: Any) -> Any:
    return int(value) if value == int(value) and -(2**63) <= value < 2**63 else GONE


def decimal_to_text(scale: int) -> Callable[[Decimal], str]:
    return lambda value: f"{value:.{scale}f}"


def decimal_to_float(value: Decimal) -> Any:
    return float(value) if Decimal(repr(float(value))) == value else GONE


def midnight(value: date) -> datetime:
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


def json_form(value: Any) -> Any:
    kind = {datetime: UtcDatetime, date: IsoDate, time: IsoTime}[type(value)]
    return TypeAdapter(kind).dump_python(value, mode="json")


EXPECTED: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("str", "int"): text_to_int,
    ("str", "float"): text_to_float,
    ("str", "bool"): lambda text: {"true": True, "false": False}.get(text, GONE),
    ("str", "date"): validated(IsoDate),
    ("str", "time"): validated(IsoTime),
    ("str", "datetime"): text_to_datetime,
    ("str", "uuid"): validated(UuidText),
    ("str", "json"): text_to_json,
    ("int", "str"): str,
    ("float", "str"): float_to_text,
    ("bool", "str"): lambda value: str(value).lower(),
    ("date", "str"): json_form,
    ("time", "str"): json_form,
    ("datetime", "str"): json_form,
    ("uuid", "str"): str,
    ("json", "str"): json.dumps,
    ("int", "float"): lambda value: float(value) if abs(value) <= 2**53 else GONE,
    ("int", "bool"): lambda value: bool(value) if value in {0, 1} else GONE,
    ("bool", "int"): int,
    ("float", "int"): whole,
    ("date", "datetime"): midnight,
    ("datetime", "date"): lambda value: value.date() if value == midnight(value.date()) else GONE,
    **{
        key: convert
        for name, (precision, scale) in DECIMALS.items()
        for key, convert in {
            ("str", name): text_to_decimal(name),
            ("int", name): fitting(name),
            ("float", name): fitting(name),
            (name, "str"): decimal_to_text(scale),
            (name, "int"): whole,
            (name, "float"): decimal_to_float,
            **{(other, name): fitting(name) for other in DECIMALS if other != name},
        }.items()
    },
}
CANONICAL = {"json"}
"""Types with values that have more than one stored form."""


def may_be_refused(pair: tuple[str, str], value: Any) -> bool:
    """Return whether SQLite, which computes with 15 digits, refuses a value that survives."""
    if pair == ("str", "float"):
        digits = re.sub("^0+", "", re.sub("[^0-9]", "", value))
        return "e" in value.lower() or len(digits) > 15 or len(value.partition(".")[2]) > 15
    if pair[0] == "float" and pair[1] != "int":
        digits = repr(value).split("e")[0].replace(".", "").strip("0-")
        is_wide = pair[1] in DECIMALS and abs(value * 10 ** DECIMALS[pair[1]][1]) >= 10**15
        return len(digits) > 15 or abs(value) >= 1e15 or is_wide
    if pair[1] == "float" and pair[0] in DECIMALS:
        return bool(abs(value.scaleb(DECIMALS[pair[0]][1])) >= 10**15)
    return False


def put(connection: Connection, name: str, kind: str, values: Sequence[Any]) -> Table:
    """Create a table with the rows that the application would write."""
    columns = (Column("id", BigInteger(), primary_key=True), Column("v", TYPES[kind]))
    table = Table(name, MetaData(), *columns)
    table.create(connection)
    rows = [{"id": number, "v": value} for number, value in enumerate(values)]
    if rows:
        connection.execute(table.insert(), rows)
    return table


def declared(connection: Connection, table: Table) -> str:
    return read_tables(connection, [table.name])[table.name].columns[1].type


def stored(connection: Connection, table: Table) -> dict[int, Any]:
    form = "v::text" if connection.dialect.name == "postgresql" else "typeof(v) || quote(v)"
    sql = f"SELECT id, {form} FROM {table.name}"  # noqa: S608 -- names of the test
    return {row[0]: row[1] for row in connection.exec_driver_sql(sql)}


def convert(connection: Connection, found: Conversion, source: Table, target: Table) -> None:
    """Convert the values that survive, and check that the others are found."""
    sql = f"INSERT INTO {target.name} SELECT id, {found.expression} FROM {source.name}"  # noqa: S608
    if found.survives is not None:
        sql += f" WHERE ({found.survives}) OR {{value}} IS NULL"
    connection.connection.cursor().execute(sql.replace("{value}", '"v"'))


@pytest.fixture(params=["sqlite", "postgresql"])
def connection(request: pytest.FixtureRequest, new_database: Any) -> Iterator[Connection]:
    kind = request.param
    url = new_database("postgresql") if kind == "postgresql" else "sqlite://"
    engine = create_engine(url, poolclass=NullPool, query_cache_size=0)
    if kind == "postgresql":  # the type of a prepared parameter would be that of an earlier column
        event.listen(engine, "connect", lambda raw, _: setattr(raw, "prepare_threshold", None))
    with engine.begin() as opened:
        yield opened


@pytest.mark.parametrize("before", TYPES)
def test_values(connection: Connection, before: str) -> None:
    values = [*VALUES[before], None]
    source = put(connection, "source", before, values)
    dialect, was = connection.dialect.name, declared(connection, source)
    for after in TYPES:
        wanted = [
            value if value is None else EXPECTED.get((before, after), lambda value: value)(value)
            for value in values
        ]
        target = put(connection, "target", after, [])
        found = conversion(dialect, was, declared(connection, target))
        if (before, after) in EXPECTED:
            assert found is not None, after
            convert(connection, found, source, target)
            rows = {row.id: row.v for row in connection.execute(select(target.c.id, target.c.v))}
            kept = {number: value for number, value in enumerate(wanted) if value is not GONE}
            lost = {number: values[number] for number in kept if number not in rows}
            if dialect == "sqlite":
                lost = {n: v for n, v in lost.items() if not may_be_refused((before, after), v)}
            assert lost == {}, after
            extra = {
                number: (values[number], rows[number]) for number in rows if number not in kept
            }
            assert extra == {}, after
            for number, value in rows.items():
                assert value == kept[number], (after, values[number])
                assert type(value) is type(kept[number]), (after, values[number])
            if after not in CANONICAL:
                connection.execute(text("DROP TABLE IF EXISTS expected"))
                same = put(connection, "expected", after, wanted_rows(wanted))
                right = stored(connection, same)
                for number, form in stored(connection, target).items():
                    assert form == right[number], (after, values[number])
        else:
            assert found == (SAME if after == before else None), after
        connection.execute(text("DROP TABLE target"))


def wanted_rows(wanted: Sequence[Any]) -> list[Any]:
    return [None if value is GONE else value for value in wanted]


@pytest.mark.parametrize("after", [after for before, after in EXPECTED if before == "str"])
def test_text_after_a_nul_is_not_lost(after: str) -> None:
    """SQLite's functions ignore it."""
    values = [text + end for text in TEXTS for end in ("\0", "\0x")]
    with create_engine("sqlite://", poolclass=NullPool).begin() as connection:
        source, target = put(connection, "source", "str", values), put(connection, "t", after, [])
        found = conversion("sqlite", "VARCHAR", declared(connection, target))
        assert found is not None
        convert(connection, found, source, target)
        assert not stored(connection, target)


@pytest.mark.parametrize(
    ("dialect", "before", "after"),
    [
        ("sqlite", "TEXT", "VARCHAR"),
        ("sqlite", "VARCHAR(80)", "VARCHAR"),
        ("sqlite", "INTEGER", "BIGINT"),
        ("sqlite", "INT", "BIGINT"),
        ("sqlite", "BOOLEAN", "BIGINT"),
        ("sqlite", "BLOB", "BLOB"),
        ("postgresql", "text", "character varying"),
        ("postgresql", "character varying(80)", "character varying"),
        ("postgresql", "numeric(10,2)", "numeric(12,2)"),
    ],
)
def test_types_with_the_same_stored_form(dialect: str, before: str, after: str) -> None:
    assert conversion(dialect, before, after) == SAME


@pytest.mark.parametrize(
    ("dialect", "before", "after"),
    [
        ("postgresql", "integer", "bigint"),
        ("postgresql", "jsonb", "json"),
        ("postgresql", "numeric(10,2)", "numeric(12,4)"),
        ("sqlite", "DECIMAL_AS_INT(10, 2)", "DECIMAL_AS_INT(12, 4)"),
    ],
)
def test_types_that_every_value_survives(dialect: str, before: str, after: str) -> None:
    found = conversion(dialect, before, after)
    assert found is not None
    assert found != SAME
    assert found.survives is None


@pytest.mark.parametrize(
    ("dialect", "before", "after"),
    [
        ("postgresql", "bigint", "integer"),
        ("postgresql", "character varying", "character varying(80)"),
        ("postgresql", "timestamp without time zone", "timestamp with time zone"),
        ("postgresql", "bytea", "character varying"),
        ("postgresql", "integer[]", "bigint"),
        ("sqlite", "NUMERIC", "FLOAT"),
        ("sqlite", "BLOB", "VARCHAR"),
        ("sqlite", "BIGINT", "DATE"),
    ],
)
def test_types_without_a_conversion(dialect: str, before: str, after: str) -> None:
    assert conversion(dialect, before, after) is None


def test_text_becomes_json_on_postgresql_16() -> None:
    assert conversion("postgresql", "character varying", "json", version=15) is None
    assert conversion("postgresql", "character varying", "json", version=16) is not None
    assert conversion("sqlite", "VARCHAR", "TEXT", version=3) is not None


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_value_is_the_only_placeholder(dialect: str) -> None:
    types = {
        "sqlite": ("VARCHAR", "BIGINT", "FLOAT", "BOOLEAN", "DATE", "TIME", "DATETIME", "CHAR(32)"),
        "postgresql": (
            *("character varying", "bigint", "double precision", "boolean", "uuid", "json"),
            *("date", "time without time zone", "timestamp with time zone", "numeric(9,2)"),
        ),
    }[dialect]
    for before, after in product(types, repeat=2):
        found = conversion(dialect, before, after)
        if found is not None:
            sql = f"{found.expression} {found.survives}"
            assert set(re.findall("[{}]", sql.replace("{value}", ""))) == set(), (before, after)
            assert "{value}" in found.expression
