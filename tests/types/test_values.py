"""Every type, flag and kind of key: what is posted comes back equal."""

import base64
import unicodedata
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from sqlalchemy.types import UserDefinedType

from crudgen.kit.database.columns import value_handling
from crudgen.kit.types.json_value import JsonValue
from tests.support.servers import Api

SUPPRESSED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
BIDI = "".join(chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=BIDI), max_size=60)
"""Other text is in test_text.py."""
NFC = TEXT.map(lambda text: unicodedata.normalize("NFC", text)[:60])
INT64 = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
).filter(lambda value: value is not None)
BYTES = st.binary(max_size=100).map(lambda raw: base64.b64encode(raw).decode())
UTC = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
UUIDS = st.uuids().map(str)


def decimals(places: int, low: int, high: int) -> SearchStrategy[str]:
    def write(units: int) -> str:
        sign, digits = "-" if units < 0 else "", str(abs(units)).rjust(places + 1, "0")
        return f"{sign}{digits[:-places]}.{digits[-places:]}"

    return st.integers(low, high).map(write)


def optional(values: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.none() | values


ANIMALS = st.fixed_dictionaries(
    {
        "title": NFC.filter(len),
        "note": optional(NFC),
        "legs": INT64,
        "age": optional(st.integers(0, 150)),
        "weight": st.floats(0.5, 1000.5),
        "height": optional(FLOATS),
        "price": decimals(2, -(10**10) + 1, 10**10 - 1),
        "tiny": optional(decimals(17, -(10**18) + 1, 10**18 - 1)),
        "tame": st.booleans(),
        "vaccinated": optional(st.booleans()),
        "born": st.dates().map(str),
        "died": optional(st.dates().map(str)),
        "feeds_at": st.times().map(lambda moment: moment.isoformat()),
        "sleeps_at": optional(st.times().map(lambda moment: moment.isoformat())),
        "seen_at": UTC,
        "left_at": optional(UTC),
        "chip": UUIDS,
        "mother_chip": optional(UUIDS),
        "mood": st.sampled_from(["calm", "in-progress", "no", "a b", "true"]),
        "second_mood": optional(st.sampled_from(["x", "y"])),
        "contact": st.from_regex(r"[a-z]{1,20}@[a-z]{1,10}\.example", fullmatch=True),
        "contact2": st.none(),
        "page": st.from_regex(r"https?://[a-z]{1,20}\.example/[a-z%20?=&]{0,9}", fullmatch=True),
        "page2": st.none(),
        "data": JSON,
        "data2": optional(JSON),
        "photo": BYTES,
        "photo2": optional(BYTES),
        "species": NFC,
        "day": st.dates().map(str),
    }
)


@pytest.mark.long_cases("emitted")
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=SUPPRESSED,
)
@given(
    row=ANIMALS,
    secret=st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), min_size=8),
)
def test_animals_come_back_equal(zoo: Api, row: dict[str, Any], secret: str) -> None:
    zoo.emptied()
    sent = row | {"secret": secret, "secret2": {"key": secret}}
    created = zoo.ask("POST", "/animals/", json=sent)
    assert created.status_code == 200, created.text
    answer = created.json()
    assert {name: answer[name] for name in row} == row
    assert set(answer) - set(row) == {"id", "created_at", "updated_at", "score"}
    path = created.headers["location"]
    assert zoo.ask("GET", path).json() == answer
    assert zoo.ask("GET", "/animals/?limit=100").json()[-1] == answer
    patched = zoo.ask("PATCH", path, json=row)
    assert patched.status_code == 200, patched.text
    assert patched.json() == answer | {"updated_at": patched.json()["updated_at"]}


@settings(max_examples=60, deadline=None, suppress_health_check=SUPPRESSED)
@given(
    key=st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=f"/{BIDI}"),
        min_size=2,
        max_size=40,
    )
    .map(lambda key: unicodedata.normalize("NFC", key)[:40])
    .filter(lambda key: key[0] != "." and len(key) > 1)
)
def test_text_keys_come_back_and_are_found(zoo: Api, key: str) -> None:
    created = zoo.ask("POST", "/tags/", json={"code": key, "label": key, "plate": "X"})
    assert created.status_code == 200, created.text
    assert created.json() == {"code": key, "label": key, "plate": "X"}
    path = created.headers["location"]
    assert path == f"/tags/{quote(key, safe='')}"
    assert zoo.ask("GET", path).json()["code"] == key
    assert zoo.ask("POST", "/tags/", json={"code": key, "plate": "AB-1"}).status_code == 409
    assert zoo.ask("PATCH", path, json={"code": "ignored", "label": "x"}).json()["code"] == key
    assert zoo.ask("DELETE", path).json() == {"ok": True}


@settings(max_examples=30, deadline=None, suppress_health_check=SUPPRESSED)
@given(key=INT64)
def test_integer_keys_are_the_clients(zoo: Api, key: int) -> None:
    created = zoo.ask("POST", "/v1/countries/", json={"number": key, "name": str(key)})
    assert created.status_code == 200, created.text
    assert created.headers["location"] == f"/v1/countries/{key}"
    assert zoo.ask("GET", f"/v1/countries/{key}").json()["number"] == key
    assert zoo.ask("DELETE", f"/v1/countries/{key}").status_code == 200


def test_a_whole_number_may_have_a_point(zoo: Api) -> None:
    data = {"data": [1.0, 1e18, 1]}
    created = zoo.ask("POST", "/animals/", json=_animal() | {"legs": 4.0, "age": -0.0} | data)
    assert created.status_code == 200, created.text
    assert '"legs":4,' in created.text
    assert '"age":0,' in created.text
    assert '"data":[1.0,1e18,1]' in created.text.replace("1e+18", "1e18")
    path = created.headers["location"]
    for number in (7.0, 1e18, -(2.0**63), 2.0**53):
        changed = zoo.ask("PATCH", path, json={"legs": number})
        assert f'"legs":{int(number)},' in changed.text
    key = {"number": 5.0, "name": "x"}
    assert zoo.ask("POST", "/v1/countries/", json=key).headers["location"] == "/v1/countries/5"


def test_uuid_keys_are_the_servers_and_sort_by_time(zoo: Api) -> None:
    given = "00000000-0000-4000-8000-000000000000"
    ids = []
    for _ in range(3):
        created = zoo.ask("POST", "/events/", json={"what": "x", "id": given})
        assert created.status_code == 200, created.text
        ids.append(created.json()["id"])
    assert given not in ids
    assert [id_[14] for id_ in ids] == ["7", "7", "7"]
    assert len(set(ids)) == 3
    assert zoo.ask("GET", f"/events/{ids[1]}").json()["id"] == ids[1]
    assert zoo.ask("DELETE", f"/events/{ids[1]}").status_code == 405
    assert zoo.ask("PATCH", f"/events/{ids[1]}", json={}).status_code == 405


def test_the_server_sets_what_is_read_only(zoo: Api) -> None:
    sent = {"what": "x"}
    event = zoo.ask("POST", "/events/", json=sent).json()
    assert event["at"].endswith("Z")
    body = _animal() | {"created_at": "1999-01-01T00:00:00Z", "score": 9, "updated_at": 3}
    animal = zoo.ask("POST", "/animals/", json=body).json()
    assert animal["score"] == 3
    assert not animal["created_at"].startswith("1999")
    path = f"/animals/{animal['id']}"
    touched = zoo.ask("PATCH", path, json={"legs": 5}).json()
    assert touched["updated_at"] > animal["updated_at"]
    assert touched["created_at"] == animal["created_at"]
    assert zoo.ask("PATCH", path, json={}).json() == touched
    kept = zoo.ask("PATCH", path, json={"species": "other", "legs": 6}).json()
    assert kept["species"] == animal["species"]


def test_a_column_type_of_the_user_need_not_name_a_python_type() -> None:
    class Point(UserDefinedType[Any]):
        pass

    assert not value_handling(JsonValue()).is_comparable  # its Python type is `object`
    assert value_handling(Point()).is_comparable


def _animal() -> dict[str, Any]:
    return {
        "title": "t",
        "legs": 4,
        "weight": 1,
        "born": "2020-01-01",
        "feeds_at": "12:00:00",
        "seen_at": "2020-01-01T00:00:00+02:00",
        "chip": "0190b0f0-0000-7000-8000-000000000001",
        "contact": "a@b.example",
        "page": "https://b.example/",
        "data": 1,
        "photo": "",
        "secret": "12345678",
        "species": "cat",
    }
