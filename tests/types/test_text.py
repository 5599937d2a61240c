"""Text that looks the same is the same, and what cannot be seen is refused, unless asked for."""

# ruff: noqa: RUF001 - the texts are meant to look like others

import json
import re
import time
import unicodedata
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from crudgen.kit.models import Model
from tests.support.servers import Everywhere, Servers

SUPPRESSED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
PERSON = """\
name: Person
fields:
  number: int pk
  name: str(1..20) unique
  note: text?
  motto: {type: str, as_sent: true, default: "cafe\\u0301"}
  log: text? controls
  raw: str? as_sent controls
  any: {type: str, pattern: ".*", optional: true}
  greeting: {type: str, default: "re\\u0301sume\\u0301", example: "e\\u0301"}
  mood: {type: enum, values: ["gele\\u0301", calm], default: "gele\\u0301"}
  page: url?
  data: json?
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  search: [name, motto, note]
"""
TAG = """\
name: Tag
fields:
  code: str(1..10) pk
  label: str = x
api: {operations: [create, list, read, update, replace, delete]}
"""
RAW_TAG = """\
name: RawTag
fields:
  code: str(1..10) pk as_sent
  label: str = x
api: {operations: [create, list, read, update, replace, delete]}
"""
NUMBERS = count(1)
NFC, NFD = "caf\u00e9", "cafe\u0301"
TWINS = {
    "accent": (NFC, NFD),
    "hangul": ("\ud55c\uae00", "\u1112\u1161\u11ab\u1100\u1173\u11af"),
    "ohm": ("\u03a9", "\u2126"),
    "angstrom": ("\u00c5", "\u212b"),
    "two marks": ("\u1e69", "s\u0307\u0323"),
    "order of marks": ("q\u0323\u0307", "q\u0307\u0323"),
    "vietnamese": ("Vi\u1ec7t", "Vie\u0323\u0302t"),
    "beyond 16 bits": ("\U0001109a", "\U00011099\U000110ba"),
    "compatible kanji": ("\u8c48", "\uf900"),
}
CONTROLS = [chr(code) for code in (*range(1, 0x20), *range(0x7F, 0xA0))]
BIDI = [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]
LINES = "\t\n\r"
FINE = {
    "joiner": "می\u200cخواهم",
    "emoji": "👩\u200d👩\u200d👧",
    "flag": "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "variation": "❤\ufe0f",
    "marks of direction": "\u200e\u200f\u061c",
    "zero width space": "a\u200bb",
    "byte order mark": "\ufeffa",
    "word joiner": "a\u2060b",
    "separators": "a\u2028b\u2029c",
    "soft hyphen": "a\u00adb",
    "no break space": "a\u00a0b",
    "noncharacters": "\ufffe\uffff\ufdd0\U0010ffff",
    "private": "\ue000",
    "compatible": "ﬁ①½",
}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text") / "entities"
    folder.mkdir()
    for name, text in {"person": PERSON, "tag": TAG, "raw_tag": RAW_TAG}.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    return folder


@pytest.fixture
def people(servers: Servers, spec: Path) -> Everywhere:
    return servers.everywhere(spec)


def create(people: Everywhere, **row: Any) -> dict[str, Any]:
    created = people.ask("POST", "/people/", json={"number": next(NUMBERS), "name": "n", **row})
    assert created.status_code == 200, created.text
    found: dict[str, Any] = created.json()
    return found


def refused(people: Everywhere, **row: Any) -> dict[str, Any]:
    answer = people.ask("POST", "/people/", json={"number": next(NUMBERS), "name": "n", **row})
    assert answer.status_code == 422, (row, answer.text)
    (problem,) = answer.json()["detail"]
    assert list(row) == [problem["loc"][-1]]
    return dict(problem)


def ids(people: Everywhere, **query: Any) -> list[int]:
    answer = people.ask("GET", "/people/", params=query)
    assert answer.status_code == 200, answer.text
    return [row["number"] for row in answer.json()]


@pytest.mark.parametrize("twins", TWINS.values(), ids=TWINS)
def test_twins_are_one_value(people: Everywhere, twins: tuple[str, str]) -> None:
    one, other = twins
    assert one != other
    row = create(people, name=other)
    assert row["name"] == one
    for name in twins:
        assert people.ask("POST", "/people/", json={"number": -1, "name": name}).status_code == 409
        assert (
            people.ask("POST", "/people/bulk", json=[{"number": -1, "name": name}]).status_code
            == 409
        )
    path = f"/people/{row['number']}"
    for method, body in (
        ("PATCH", {"name": other}),
        ("PUT", {"number": row["number"], "name": other}),
    ):
        assert people.ask(method, path, json=body).json()["name"] == one
    changed = people.ask("PATCH", "/people/bulk", json=[{"number": row["number"], "name": other}])
    assert changed.json()[0]["name"] == one
    assert people.ask("GET", path).json()["name"] == one


@pytest.mark.parametrize("twins", TWINS.values(), ids=TWINS)
def test_filters_and_searches_find_twins(people: Everywhere, twins: tuple[str, str]) -> None:
    row = create(people, name=f"A{twins[1]}Z", motto="")["number"]
    zed = create(people, name="zed", motto="")["number"]
    for text in (f"A{twin}Z" for twin in twins):
        for query in ("name", "name__in", "name__lte", "name__gte", "name__contains"):
            assert row in ids(people, **{query: text}), query
        for query in ("name__startswith", "name__endswith", "name__icontains", "q"):
            assert ids(people, **{query: text}) == [row], query
        assert ids(people, name__ne=text) == [zed]
        assert ids(people, name__not_in=[text, "n"]) == [zed]
    for twin in twins:
        assert ids(people, name__contains=twin) == [row]
        assert ids(people, name__istartswith=f"a{twin}") == [row]
        assert ids(people, name__iendswith=f"{twin}z") == [row]
        assert ids(people, q=f"z {twin}") == [row]


@pytest.mark.parametrize("twins", TWINS.values(), ids=TWINS)
def test_text_as_sent_is_kept_and_found_as_it_is(
    people: Everywhere, twins: tuple[str, str]
) -> None:
    rows = [create(people, name=str(n), motto=twin, raw=twin) for n, twin in enumerate(twins)]
    assert [(row["motto"], row["raw"]) for row in rows] == [(twin, twin) for twin in twins]
    for row, twin in zip(rows, twins, strict=True):
        for query in ("motto", "motto__contains", "raw__startswith", "q"):
            assert ids(people, **{query: twin}) == [row["number"]]


@pytest.mark.parametrize("twins", TWINS.values(), ids=TWINS)
def test_a_key_in_a_path_finds_its_twin(people: Everywhere, twins: tuple[str, str]) -> None:
    one, other = twins
    created = people.ask("POST", "/tags/", json={"code": other})
    assert created.json()["code"] == one
    assert created.headers["location"] == f"/tags/{quote(one)}"
    for name in twins:
        path = f"/tags/{quote(name)}"
        assert people.ask("GET", path).json()["code"] == one
        assert people.ask("PATCH", path, json={"label": "y", "code": other}).json()["label"] == "y"
        assert people.ask("PUT", path, json={"code": name}).json() == {"code": one, "label": "x"}
        assert people.ask("POST", "/tags/", json={"code": name}).status_code == 409
        assert people.ask("GET", "/tags/", params={"code": name}).json()[0]["code"] == one
    assert people.ask("DELETE", f"/tags/{quote(other)}").status_code == 200
    assert people.ask("GET", "/tags/").json() == []
    new = people.ask("PUT", f"/tags/{quote(other)}", json={"code": other})
    assert (new.status_code, new.json()["code"]) == (200, one)
    for name in twins:
        created = people.ask("POST", "/raw-tags/", json={"code": name, "label": name})
        assert created.json()["code"] == name
        assert people.ask("GET", f"/raw-tags/{quote(name)}").json()["code"] == name


@pytest.mark.long
def test_controls_are_refused_unless_they_are_asked_for(people: Everywhere) -> None:
    for number, character in enumerate([*CONTROLS, *BIDI]):
        text = f"a{character}b"
        problem = refused(people, name=text)
        assert problem["type"] == "string_control"
        assert f"U+{ord(character):04X}" in problem["msg"]
        refused(people, motto=text)
        refused(people, greeting=text)
        refused(people, any=text)
        row = create(people, name=f"n{number}", log=text, raw=text)
        assert (row["log"], row["raw"]) == (text, text)
        if character in LINES:
            assert create(people, name=f"m{number}", note=text)["note"] == text
        else:
            refused(people, note=text)
    assert refused(people, raw="a\0b")["type"] == "string_nul"
    assert create(people, name="crlf", note="a\r\nb\n\tc")["note"] == "a\r\nb\n\tc"


def test_controls_are_refused_wherever_text_is_written(people: Everywhere) -> None:
    key = create(people)["number"]
    for method, path, body in (
        ("PATCH", f"/people/{key}", {"name": "a\u202eb"}),
        ("PUT", f"/people/{key}", {"number": key, "name": "a\u202eb"}),
        ("POST", "/people/bulk", [{"number": -1, "name": "c"}, {"number": -2, "name": "a\u202eb"}]),
        ("PATCH", "/people/bulk", [{"number": key, "name": "a\u202eb"}]),
        ("POST", "/tags/", {"code": "a\u2066"}),
        ("POST", "/raw-tags/", {"code": "a\u0085"}),
        ("PUT", "/tags/a%E2%81%A6", {"code": "a\u2066"}),
    ):
        assert people.ask(method, path, json=body).status_code == 422, (method, path)
    for path in ("/tags/%E2%81%A6", "/raw-tags/%C2%85", "/tags/%01"):
        assert people.ask("GET", path).status_code == 404
    assert refused(people, page="https://a.b/\u202e")["type"] == "url"
    assert ids(people, name="a\u202eb") == ids(people, q="\u202e") == []


@pytest.mark.parametrize("text", FINE.values(), ids=FINE)
def test_what_is_invisible_and_no_control_stays(people: Everywhere, text: str) -> None:
    row = create(people, name=text, note=text, motto=text)
    assert (row["name"], row["note"], row["motto"]) == (text, text, text)
    assert ids(people, name=text) == [row["number"]]
    created = people.ask("POST", "/tags/", json={"code": text})
    assert people.ask("GET", created.headers["location"]).json()["code"] == text


def test_lengths_count_what_is_stored(people: Everywhere) -> None:
    assert create(people, name="e\u0301" * 20)["name"] == "\u00e9" * 20
    assert refused(people, name="e\u0301" * 21)["type"] == "string_too_long"
    assert create(people, name="\u0958" * 10)["name"] == "\u0915\u093c" * 10
    assert refused(people, name="\u0958" * 11)["type"] == "string_too_long"
    assert people.ask("POST", "/tags/", json={"code": "\ufb2c" * 4}).status_code == 422


def test_defaults_examples_and_words_are_stored_alike(people: Everywhere) -> None:
    row = create(people)
    assert (row["greeting"], row["motto"]) == ("r\u00e9sum\u00e9", NFD)
    assert row["mood"] == "gel\u00e9"
    assert (
        ids(people, mood="gel\u00e9")
        == ids(people, greeting="re\u0301sume\u0301")
        == [row["number"]]
    )
    assert refused(people, mood="nothing")["type"] == "literal_error"
    described = people.ask("GET", "/openapi.json").json()["components"]["schemas"]
    properties = described["PersonCreate"]["properties"]
    assert properties["greeting"]["default"] == "r\u00e9sum\u00e9"
    assert properties["greeting"]["examples"] == ["\u00e9"]
    assert properties["motto"]["default"] == NFD
    assert described["PersonMood"]["enum"] == ["gel\u00e9", "calm"]


def test_json_is_left_as_it_is_sent(people: Everywhere) -> None:
    data = {NFD: [NFD, "a\u202eb", "\u0085", "\u2126"], "x": "a\tb"}
    assert create(people, data=data)["data"] == data


def test_what_is_no_text_is_refused(people: Everywhere) -> None:
    headers = {"Content-Type": "application/json"}
    for text in (rb"\ud800", rb"\udc00", rb"\ud800x", b"\xed\xa0\x80", b"\xff", b"\xc0\x80"):
        body = b'{"name": "' + text + b'"}'
        assert people.ask("POST", "/people/", content=body, headers=headers).status_code == 422


def test_openapi_says_what_text_may_have(people: Everywhere) -> None:
    schemas = people.ask("GET", "/openapi.json").json()["components"]["schemas"]

    def takes(schema: dict[str, Any], text: str) -> bool:
        kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") == "string"]
        (kind,) = kinds
        rules = [kind, *kind.get("allOf", [])]
        return all(re.search(rule["pattern"], text) for rule in rules if "pattern" in rule)

    for model in ("PersonCreate", "PersonUpdate", "TagCreate", "RawTagCreate"):
        for name, schema in schemas[model]["properties"].items():
            if name in {"number", "mood", "page", "data"} or schema.get("readOnly"):
                continue
            for character in ["\0", *CONTROLS, *BIDI, *FINE.values(), "é"]:
                free = name in {"log", "raw"} and character != "\0"
                lines = name == "note" and character in LINES
                fine = character in FINE.values() or character == "é"
                if model == "TagCreate" or name != "any" or character not in "\u2028\u2029":
                    assert takes(schema, f"a{character}b") == (free or lines or fine), (
                        name,
                        ascii(character),
                    )


def test_rules_are_applied_once_to_a_model_of_many_types() -> None:
    """Each application in a process makes types of its own of the same models."""

    class Named(Model):
        name: str

    for _ in range(300):
        described = TypeAdapter(list[Named]).json_schema(mode="serialization")
    [schema] = described["$defs"].values()
    assert "pattern" in schema["properties"]["name"]


def test_rows_from_before_stay_readable(people: Everywhere) -> None:
    first = create(people, name="first")["number"]
    old = {"name": NFD, "note": "a\u202eb", "greeting": "a\tb"}
    for api in people.apis:
        table = api.tables.tables["person"]
        with api.engine.begin() as connection:
            connection.execute(table.update().values(**old))
            connection.execute(api.tables.tables["tag"].insert().values(code="a\u2066", label=NFD))
    row = people.ask("GET", f"/people/{first}").json()
    assert {name: row[name] for name in old} == old
    assert people.ask("GET", "/people/").json() == [row]
    assert people.ask("GET", "/tags/").json() == [{"code": "a\u2066", "label": NFD}]
    assert people.ask("GET", "/tags/a%E2%81%A6").json()["label"] == NFD
    changed = people.ask("PATCH", f"/people/{first}", json={"log": "x"}).json()
    assert changed == row | {"log": "x"}
    assert people.ask("PATCH", f"/people/{first}", json={"name": NFD}).json()["name"] == NFC
    assert people.ask("DELETE", f"/people/{first}").status_code == 200


@pytest.mark.parametrize(
    "marks", ["\u0301", "\u0315\u0300", "\u0345\u0334", "\U0001d165\U0001d16d", "\u05b0\u0323"]
)
def test_combining_characters_hold_up_nobody(people: Everywhere, marks: str) -> None:
    few = f"a{marks * (28 // len(marks))}"
    assert create(people, note=few)["note"] == unicodedata.normalize("NFC", few)
    for many in (f"a{marks * 40}", f"x{marks * 30_000}", f"x{marks * 30_000}y" * 2):
        started = time.monotonic()
        assert refused(people, note=many)["type"] in {"string_combining", "string_too_long"}
        assert ids(people, note__contains=many[:400]) == []
        assert people.ask("GET", f"/tags/{quote(many[:400])}").status_code == 404
        assert time.monotonic() - started < 5
    assert create(people, name="x", raw=f"a{marks * 40}")["raw"] == f"a{marks * 40}"


TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=[*BIDI]), max_size=20
)


@pytest.mark.long
@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=SUPPRESSED)
@given(text=TEXT, form=st.sampled_from(["NFC", "NFD"]))
def test_any_text_is_stored_in_nfc_and_found(people: Everywhere, text: str, form: Any) -> None:
    people.emptied()
    sent = unicodedata.normalize(form, text)
    row = create(people, note=sent, motto=sent)
    assert row["note"] == unicodedata.normalize("NFC", text)
    assert row["motto"] == sent
    for query in ("note", "motto", "note__contains", "motto__contains", "note__endswith"):
        assert ids(people, **{query: sent}) == [row["number"]], json.dumps(sent)
    assert ids(people, note=row["note"]) == [row["number"]]
