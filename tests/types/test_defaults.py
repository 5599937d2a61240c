"""A default is what the same text in a body is: answered, found, described and written again."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.support.servers import Everywhere, Servers

pytestmark = pytest.mark.long

URLS = (
    *("https://example.com", "https://example.com/", "HTTPS://Example.COM", "http://a.b:80"),
    *("https://a.b?x=1", "https://a.b#top", "https://a.b/../c", "https://u:p@a.b/%7e%7E"),
    *("http://münchen.example/ä", "http://[::1]:8000", "https://a.b//c", "http://127.0.0.1"),
)
EMAILS = ("A@EXAMPLE.com", "a.B+c@Example.Org", "x@xn--mnchen-3ya.example")
DATETIMES = (
    *("2024-01-01T00:00:00+02:00", "2024-01-01T00:00:00.5Z", "2024-01-01 00:00:00Z"),
    *("2024-01-01t00:00:00z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"),
    *("2024-02-29T12:30:00.123456+05:45", "2024-01-01T00:00:00-23:59", "1969-12-31T23:59:59-00:00"),
)
TIMES = ("12:30:00.5", "00:00:00", "23:59:59.999999", "00:00:00.000001")
DATES = ("0001-01-01", "9999-12-31", "2024-02-29")
UUIDS = ("0190B0F0-ABCD-7000-8000-00000000000A", "00000000-0000-0000-0000-000000000000")
BYTES = ("", "aGk=", "+/8=", "AA==", "////", "++++")
TEXTS = (
    "",
    " x ",
    "e\u0301",
    "\u0958",
    "\u200c",
    'it\'s "quoted"',
    "\\",
    "漢字 🦸",
    "null",
    "true",
    "1.0",
)
DECIMALS = ("1.5", "1.50", "0.1", "-0.0", "-0", "0.00", "-99999999.99", "7")
FLOATS = ("-0.0", "1", "1.0", "1e22", "1E5", "5e-324", "0.1234567890123456789", "-1.5e308", "100.0")
INTS = ("3", "-0", "3.0", "1e3", "9223372036854775807", "-9223372036854775808")
JSONS = (
    *("1.0", "-0.0", "-0", "1", "18446744073709551616", "0.1", "1e22", "false", "[]", "{}"),
    *('""', '"e\u0301"', '{"b":1.0,"a":[1,2.50,1e5,null,true]}', '{"":{},"z":[[]],"a":"x"}'),
    *("123456789012345678901234567890", '"2024-01-01T00:00:00+02:00"', '"https://example.com"'),
)


@dataclass(frozen=True)
class Case:
    """A field, how its value is written in the spec, and in a body."""

    type: dict[str, Any]
    spec: str
    body: str
    query: str | None
    """The value as a filter, where the type has one of this spelling."""


def quoted(kind: str, text: str, **options: Any) -> Case:
    written = json.dumps(text, ensure_ascii=False)
    return Case({"type": kind, **options}, written, written, text)


def cases() -> list[Case]:
    found = [quoted("url", text) for text in URLS]
    found += [quoted("email", text) for text in EMAILS]
    found += [quoted("datetime", text) for text in (*DATETIMES, *random_datetimes())]
    found += [quoted("time", text) for text in TIMES]
    found += [quoted("date", text) for text in DATES]
    found += [quoted(kind, text) for kind in ("str", "text") for text in TEXTS]
    found += [quoted("text", text) for text in ("a\nb\tc", "\n")]
    found += [quoted("str", text, as_sent=True) for text in ("e\u0301", "\u00e9", "\u212b")]
    found += [quoted("text", text, controls=True) for text in ("a\tb", "a\u202eb")]
    found += [quoted("enum", word, values=["a b", "ä", "no"]) for word in ("a b", "ä", "no")]
    for text in UUIDS:
        found.append(Case({"type": "uuid"}, f'"{text}"', f'"{text}"', text.lower()))
    for text in BYTES:
        found.append(Case({"type": "bytes"}, f'"{text}"', f'"{text}"', None))
    for text in (*DECIMALS, *random_decimals()):
        kind = {"type": "decimal", "precision": 10, "scale": 2}
        found.append(Case(kind, text, f'"{text}"', text))
    found += [Case({"type": "float"}, text, text, text) for text in (*FLOATS, *random_floats())]
    for text in INTS:
        found.append(
            Case(
                {"type": "int"}, text, text, str(int(text)) if text.lstrip("-").isdigit() else None
            )
        )
    found += [Case({"type": "json"}, text, text, None) for text in JSONS]
    found += [Case({"type": "bool"}, text, text, text) for text in ("true", "false")]
    return found


def random_datetimes() -> list[str]:
    dice = Random(7)  # noqa: S311 - the same at every run
    return [
        f"{dice.randint(2, 9998):04}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"
        f"T{dice.randint(0, 23):02}:{dice.randint(0, 59):02}:{dice.randint(0, 59):02}"
        f"{dice.choice(['', '.' + str(dice.randint(0, 999999))])}"
        f"{dice.choice('+-')}{dice.randint(0, 23):02}:{dice.randint(0, 59):02}"
        for _ in range(12)
    ]


def random_decimals() -> list[str]:
    dice = Random(7)  # noqa: S311 - the same at every run
    return [f"{dice.randint(-9999, 9999)}.{dice.randint(10, 99)}" for _ in range(8)]


def random_floats() -> list[str]:
    dice = Random(7)  # noqa: S311 - the same at every run
    return [repr(dice.uniform(-1, 1) * 10.0 ** dice.randint(-300, 300)) for _ in range(8)]


CASES = {f"f{number}": case for number, case in enumerate(cases())}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fields = ", ".join(
        f'"{name}": {{{json.dumps(case.type, ensure_ascii=False)[1:-1]}, '
        f'"default": {case.spec}, "example": {case.spec}}}'
        for name, case in CASES.items()
    )
    operations = "create, list, read, update, replace, create_many"
    text = f"name: Thing\nfields: {{{fields}}}\napi: {{operations: [{operations}]}}\n"
    folder = tmp_path_factory.mktemp("defaults") / "entities"
    folder.mkdir()
    (folder / "thing.yaml").write_text(text, "utf-8")
    return folder


@pytest.fixture
def things(servers: Servers, spec: Path) -> Everywhere:
    return servers.everywhere(spec)


def send(things: Everywhere, method: str, path: str, body: str) -> dict[str, str]:
    """Send a body and give the properties of the answer as they are written, without the key."""
    headers = {"Content-Type": "application/json"}
    answer = things.ask(method, path, content=body.encode(), headers=headers)
    assert answer.status_code == 200, answer.text
    (row,) = answer.json() if body.startswith("[") else (answer.json(),)
    return {name: repr(value) for name, value in row.items() if name != "id"}


def ids(things: Everywhere, **query: str) -> list[int]:
    found = things.ask("GET", "/things/", params=query | {"fields": "id"})
    assert found.status_code == 200, found.text
    return [row["id"] for row in found.json()]


def test_a_default_is_what_its_text_in_a_body_is(things: Everywhere) -> None:
    as_text = "{" + ",".join(f'"{name}":{case.body}' for name, case in CASES.items()) + "}"
    sent = send(things, "POST", "/things/", as_text)
    assert send(things, "POST", "/things/", "{}") == sent
    assert send(things, "POST", "/things/bulk", "[{}]") == sent
    first, second, third = ids(things)
    assert send(things, "PATCH", f"/things/{second}", as_text) == sent
    assert send(things, "PUT", f"/things/{first}", "{}") == sent
    for name, case in CASES.items():
        if case.query is not None:
            assert ids(things, **{name: case.query}) == [first, second, third], case


def test_put_resets_a_changed_row_to_its_defaults(things: Everywhere) -> None:
    created = send(things, "POST", "/things/", "{}")
    others = {
        name: next(
            one.body for one in CASES.values() if one.type == case.type and one.body != case.body
        )
        for name, case in CASES.items()
    }
    changed = "{" + ",".join(f'"{name}":{body}' for name, body in others.items()) + "}"
    (key,) = ids(things)
    assert send(things, "PATCH", f"/things/{key}", changed) != created
    assert send(things, "PUT", f"/things/{key}", "{}") == created


def test_openapi_shows_defaults_and_examples_as_they_are_answered(things: Everywhere) -> None:
    row = things.ask("POST", "/things/", json={}).json()
    document = things.ask("GET", "/openapi.json").json()
    described = document["components"]["schemas"]["ThingCreate"]["properties"]
    for name, case in CASES.items():
        assert described[name]["default"] == row[name], case
        assert described[name]["examples"] == [row[name]], case
        for shown in (described[name]["default"], *described[name]["examples"]):
            assert math.copysign(1, number(shown)) == math.copysign(1, number(row[name])), case


def number(value: Any) -> float:
    """Return a number whose sign may be that of zero; 0 for what is none."""
    return float(value) if isinstance(value, int | float) else 0.0
