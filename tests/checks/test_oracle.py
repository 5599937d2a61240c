"""The API accepts the rows that the text of the spec allows: random conditions, random rows.

`SEEDS=200` tests 200 specs.
"""

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import pytest

from crudgen.errors import SpecError
from crudgen.language import load_texts
from crudgen.language.schema import Schema
from tests.checks.oracle import holds
from tests.startup.started import application
from tests.support.asgi import AsgiClient

pytestmark = pytest.mark.long

SEEDS = int(os.environ.get("SEEDS", "6"))
CREATES, CHANGES = 40, 40

TYPES = {
    "int": "int",
    "float": "float",
    "decimal": "decimal(8,2)",
    "str": "str(..20)",
    "enum": "enum(calm, in progress, true, was)",
    "bool": "bool",
    "date": "date",
    "time": "time",
    "datetime": "datetime",
    "uuid": "uuid",
    "email": "email",
    "url": "url",
    "json": "json",
    "bytes": "bytes",
}
KINDS = {f"{kind}_{number}": kind for kind in TYPES for number in (1, 2, 3)}
"""The fields: the first of each type is required."""
VALUES: Mapping[str, Sequence[Any]] = {
    "int": (-1, 0, 1, 2, 2**53, 2**53 + 1, -(2**63)),
    "float": (-1.5, 0.0, 0.1, 0.5, 1e16, 3.0, 1e-7),
    "decimal": ("-1.00", "0.00", "0.05", "0.50", "1.00", "10.00", "999999.99"),
    "str": ("", "a", "A", "B", "b", "é", "z", "a b", "it's", "50%", "x:y", "\\", "Ω"),
    "enum": ("calm", "in progress", "true", "was"),
    "bool": (True, False),
    "date": ("0001-01-01", "1999-12-31", "2000-01-01", "2024-02-29", "9999-12-31"),
    "time": ("00:00:00", "08:30:00", "08:30:00.000001", "23:59:59.999999"),
    "datetime": (
        *("0001-01-01T00:00:00Z", "1999-12-31T23:59:59.999999Z", "2000-01-01T00:00:00Z"),
        *("2000-01-01T01:30:00+01:30", "2024-02-29T12:00:00-05:00", "9999-12-31T00:00:00Z"),
    ),
    "uuid": tuple(f"0190b0f0-0000-7000-8000-{number:012x}" for number in (1, 2, 2**47)),
    "email": ("a@example.com", "b@example.com", "c@example.com"),
    "url": tuple(f"https://{name}.example.com/" for name in "abc"),
    "json": ({"a": 1}, [1]),
    "bytes": ("AAAA",),
}
ORDERED = ("int", "float", "decimal", "str", "date", "time", "datetime", "uuid", "email", "url")
COMPARED = (*ORDERED, "enum", "bool")


def constant(random: Random, kind: str) -> str:
    return written(kind, random.choice(VALUES[kind]))


def written(kind: str, value: Any) -> str:
    if kind == "bool":
        return "true" if value else "false"
    if kind in {"int", "float", "decimal"} or (kind == "enum" and value in {"calm", "was"}):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def field(random: Random, kind: str, *, optional: bool = False) -> str:
    return f"{kind}_{random.choice((2, 3) if optional else (1, 2, 3))}"


def comparison(random: Random) -> str:
    kind = random.choice(COMPARED)
    one = field(random, kind)
    match random.randrange(6):
        case 0:
            name = field(random, random.choice([*TYPES]), optional=True)
            return f"{name} is {random.choice(('', 'not '))}null"
        case 1 if kind != "bool":
            # Two offsets of one time are the same value, which a list cannot contain twice.
            found = [constant(random, kind) for _ in range(random.randint(1, 3))]
            values = dict.fromkeys(one for one in found if "+" not in one)
            values = values or dict.fromkeys(found[:1])
            return f"{one} {random.choice(('in', 'not in'))} ({', '.join(values)})"
        case 2:
            return field(random, "bool")
    operators = ("=", "!=", "<", "<=", ">", ">=") if kind in ORDERED else ("=", "!=")
    operator, other = random.choice(operators), constant(random, kind)
    if random.random() < 0.6:
        others = [name for name, found in KINDS.items() if found == kind and name != one]
        other = random.choice(others)
    pair = (one, other) if random.random() < 0.8 else (other, one)
    return f"{pair[0]} {operator} {pair[1]}"


def condition(random: Random, depth: int) -> str:
    if depth == 0:
        return comparison(random)
    match random.randrange(5):
        case 0:
            return f"not ({condition(random, depth - 1)})"
        case 1:
            return f"not {comparison(random)}"
        case 2:
            return comparison(random)
    word = random.choice((" and ", " or "))
    parts = [condition(random, depth - 1) for _ in range(random.randint(2, 3))]
    return word.join(f"({part})" if random.random() < 0.7 else part for part in parts)


def entity(checks: Sequence[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        name: f"{TYPES[kind]}{'' if name.endswith('_1') else '?'}" for name, kind in KINDS.items()
    }
    check = [{"rule": rule, "says": f"check {n}", "name": f"c{n}"} for n, rule in enumerate(checks)]
    operations = ["create", "read", "update", "replace"]
    return {"name": "Box", "fields": fields, "check": check, "api": {"operations": operations}}


def checks_of(random: Random) -> list[str]:
    """Return conditions; those that can be neither met nor violated by random rows are rare."""
    return [condition(random, random.randint(0, 3)) for _ in range(random.randint(1, 5))]


def row(random: Random) -> dict[str, Any]:
    return {
        name: None
        if not name.endswith("_1") and random.random() < 0.3
        else random.choice(VALUES[kind])
        for name, kind in KINDS.items()
    }


@pytest.mark.long_cases("2", "3", "4", "5")
@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_api_accepts_what_the_spec_allows(
    seed: int, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)  # noqa: S311 - the same at every run
    checks = checks_of(random)
    schema = load_texts({"entities/box.yaml": json.dumps(entity(checks))})
    steps = [*requests(random, checks)]
    for kind in ("sqlite", "postgresql"):
        monkeypatch.setenv("DATABASE_URL", new_database(kind))
        asyncio.run(send(schema, steps))


def systematic() -> Iterator[str]:
    """Yield conditions with a value of every type, and with fields of every type."""
    for kind in COMPARED:
        less, least = ("<", "<=") if kind in ORDERED else ("!=", "=")
        middle = written(kind, sorted(VALUES[kind])[len(VALUES[kind]) // 2])
        yield f"{kind}_2 {least} {middle}"
        yield f"{middle} {less} {kind}_3"
        yield f"not ({kind}_2 {least} {kind}_3)"
        if kind != "bool":
            yield f"{kind}_1 in ({middle}) or {kind}_2 is null"
    yield "bool_1 and not bool_2"
    yield "json_2 is not null or bytes_2 is null"


def test_values_of_every_type_are_compared(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [*systematic()]
    schema = load_texts({"entities/box.yaml": json.dumps(entity(checks))})
    steps = [*requests(Random(1), checks)]  # noqa: S311
    assert {one for _, _, violated in steps for one in violated} == {
        f"check {n}" for n, _ in enumerate(checks)
    }
    for kind in ("sqlite", "postgresql"):
        monkeypatch.setenv("DATABASE_URL", new_database(kind))
        asyncio.run(send(schema, steps))


def requests(
    random: Random, checks: Sequence[str]
) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """Yield methods and bodies, each with the messages of the violated checks."""

    def violated(found: Mapping[str, Any]) -> list[str]:
        return [f"check {n}" for n, rule in enumerate(checks) if not holds(rule, found, KINDS)]

    current: dict[str, Any] | None = None
    for _ in range(CREATES):
        body = row(random)
        if not violated(body):
            current = body
        yield "POST", body, violated(body)
    for _ in range(CHANGES if current else 0):
        assert current is not None
        method = random.choice(("PATCH", "PATCH", "PUT"))
        body = row(random)
        if method == "PATCH":
            body = {name: body[name] for name in random.sample([*body], random.randint(1, 6))}
        found = violated(current | body)
        current = current if found else current | body
        yield method, body, found


async def send(schema: Schema, steps: Sequence[tuple[str, dict[str, Any], list[str]]]) -> None:
    app = application(schema).module("main").create_app()
    client = AsgiClient(app)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        location = ""
        for method, body, violated in steps:
            path = "/boxes/" if method == "POST" else location
            response = await client.request(method, path, json=body)
            if not violated:
                assert response.status_code == 200, (method, body, response.text)
                location = response.headers.get("location", location)
                continue
            assert response.status_code == 422, (method, body, violated, response.text)
            detail = response.json()["detail"]
            assert {one["type"] for one in detail} == {"check"}
            assert sorted({one["msg"] for one in detail}) == sorted(violated)


@pytest.mark.long
def test_random_conditions_are_valid() -> None:
    for seed in range(200):
        random = Random(seed)  # noqa: S311 - the same at every run
        for rule in checks_of(random):
            try:
                load_texts({"entities/box.yaml": json.dumps(entity([rule]))})
            except SpecError as error:
                pytest.fail(f"{rule}\n{error}")
