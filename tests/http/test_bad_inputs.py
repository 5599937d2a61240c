"""Bad requests: the documented answer, the same everywhere, and never the input in it."""

import gzip
import json
import socket
import time
from typing import Any

import pytest

from tests.support.servers import Everywhere

JSON = {"content-type": "application/json"}
SECRET = "hunter2-hunter2"  # noqa: S105 - it must never be seen again
ANIMAL: dict[str, Any] = {
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
    "secret": SECRET,
    "species": "cat",
}

# property, value, expected type of the error
VALUES: list[tuple[str, Any, str]] = [
    ("legs", 2**63, "less_than_equal"),
    ("legs", -(2**63) - 1, "greater_than_equal"),
    ("legs", 10**400, "less_than_equal"),
    ("legs", True, "int_type"),
    ("legs", "42", "int_type"),
    ("legs", 1.5, "int_type"),
    ("legs", 2.0**63, "less_than_equal"),
    ("legs", 1e300, "less_than_equal"),
    ("age", 151.0, "less_than_equal"),
    ("legs", None, "int_type"),
    ("legs", [], "int_type"),
    ("age", 151, "less_than_equal"),
    ("age", -1, "greater_than_equal"),
    ("weight", "1.5", "float_type"),
    ("weight", True, "float_type"),
    ("weight", 0.4, "greater_than_equal"),
    ("weight", "NaN", "float_type"),
    ("height", "Infinity", "float_type"),
    ("price", 1.234, "decimal_max_places"),
    ("price", 123456789, "decimal_whole_digits"),
    ("price", 10**400, "decimal_max_digits"),
    ("price", 1e300, "decimal_max_digits"),
    ("price", 5e-324, "decimal_max_digits"),
    ("price", "1.234", "text_form"),
    ("price", "123456789.00", "text_form"),
    ("price", "1" + "0" * 30, "text_form"),
    ("price", "1e3", "text_form"),
    ("price", "NaN", "text_form"),
    ("price", "1_0", "text_form"),
    ("price", "01.50", "text_form"),
    ("price", "00", "text_form"),
    ("price", "-01", "text_form"),
    ("price", "1.", "text_form"),
    ("price", ".5", "text_form"),
    ("price", " 1", "text_form"),
    ("price", "\u0661", "text_form"),
    ("price", "1.00\n", "text_form"),
    ("price", "", "text_form"),
    ("price", True, "text_form"),
    ("tame", 1, "bool_type"),
    ("tame", "true", "bool_type"),
    ("born", "2020-02-30", "date_from_datetime_parsing"),
    ("born", "2020-01-01T00:00:00", "text_form"),
    ("born", 0, "text_form"),
    ("born", "0", "text_form"),
    ("born", "0000-01-01", "date_parsing"),
    ("feeds_at", "25:00:00", "time_parsing"),
    ("feeds_at", "12:00", "text_form"),
    ("feeds_at", "12:00:00Z", "text_form"),
    ("feeds_at", "12:00:00.1234567", "text_form"),
    ("feeds_at", 3600, "text_form"),
    ("seen_at", "2024-01-01T00:00:00", "text_form"),
    ("seen_at", "2024-01-01", "text_form"),
    ("seen_at", 1700000000, "text_form"),
    ("seen_at", "1700000000", "text_form"),
    ("seen_at", "0001-01-01T00:00:00+14:00", "datetime_range"),
    ("seen_at", "9999-12-31T23:59:59-14:00", "datetime_range"),
    ("seen_at", "2024-01-01T00:00:00+99:99", "datetime_from_date_parsing"),
    ("chip", "not-a-uuid", "text_form"),
    ("chip", 7, "text_form"),
    ("mood", "furious", "literal_error"),
    ("mood", True, "literal_error"),
    ("mood", "CALM", "literal_error"),
    ("contact", "no-address", "email"),
    ("contact", f"{SECRET}@", "email"),
    ("contact", "John <a@b.example>", "email"),
    ("contact", 1, "string_type"),
    ("contact", "a..b@b.example", "email"),
    ("contact", "a@b.example\n", "email"),
    ("contact", "a@" + "b" * 64 + ".example", "email"),
    ("page", "javascript:alert(1)", "url"),
    ("page", "file:///etc/passwd", "url"),
    ("page", "", "url"),
    ("page", "\u0001http://a.b", "url"),
    ("page", " http:/ex\nample.com ", "url"),
    ("page", "https://b.example/" + "x" * 2100, "string_too_long"),
    ("data", None, "json_null"),
    ("photo", "?", "base64"),
    ("photo", "AA", "base64"),
    ("photo", "AB==", "base64"),
    ("photo", 1, "base64"),
    ("photo", "A" * 400, "bytes_too_long"),
    ("title", "", "string_too_short"),
    ("title", "x" * 81, "string_too_long"),
    ("title", 1, "string_type"),
    ("title", "a\0b", "string_nul"),
    ("title", {"$ne": 1}, "string_type"),
    ("data", {"deep": ["\0"]}, "string_nul"),
    ("data", {"\0": 1}, "string_nul"),
    ("secret", "short", "string_too_short"),
    ("no_such", 1, "extra_forbidden"),
    ("__class__", 1, "extra_forbidden"),
    ("Title", "x", "extra_forbidden"),
]


@pytest.mark.parametrize(("name", "value", "kind"), VALUES)
def test_a_bad_value_is_422_on_create_and_on_update(
    everywhere: Everywhere, name: str, value: Any, kind: str
) -> None:
    for method, path, body in (
        ("POST", "/animals/", ANIMAL | {name: value}),
        ("PATCH", "/animals/1", {name: value}),
    ):
        response = everywhere.ask(method, path, json=body)
        problems = response.json()["detail"]
        assert (response.status_code, [p["type"] for p in problems]) == (422, [kind])
        assert problems[0]["loc"][:2] == ["body", name] or kind == "string_nul"
        assert set(problems[0]) == {"type", "loc", "msg"}
        assert SECRET not in response.text


RAW_BODIES = [
    (b"", "missing"),
    (b"{", "json_invalid"),
    (b"null", "model_attributes_type"),
    (b"[]", "model_attributes_type"),
    (b'"x"', "model_attributes_type"),
    (b'{"weight": NaN}', "json_invalid"),
    (b'{"weight": Infinity}', "json_invalid"),
    (b'{"weight": 1e999}', "finite_number"),
    (b'{"data": [1e999]}', "finite_number"),
    (b'{"title": "\\ud800"}', "json_invalid"),
    (b'{"title": "\xff"}', "json_invalid"),
    (b"\xef\xbb\xbf{}", "missing"),
    (b"\xef\xbb\xbf", "json_invalid"),
    (b"\xef\xbb\xbf\xef\xbb\xbf{}", "json_invalid"),
    (b"{\xef\xbb\xbf}", "json_invalid"),
    (b'{"data": ' + b"[" * 5000 + b"]" * 5000 + b"}", "json_depth"),
    (b'{"data": ' + b"[" * 32 + b"]" * 32 + b"}", "json_depth"),
    (b'{"data": ' + b'{"a":' * 32 + b"1" + b"}" * 33, "json_depth"),
    (b"[" * 5000, "json_depth"),
    (b'{"title": "a", "title": "a"}', "json_duplicate"),
    (b'{"title": "a", "title" : "b"}', "json_duplicate"),
    (b'{"title": "a", "\\u0074itle": "b"}', "json_duplicate"),
    (b'{"title": {"x": 1}, "title": "b"}', "json_duplicate"),
    (b'{"data": {"a": 1, "a": 2}}', "json_duplicate"),
    (b'{"data": [{}, {"b": {"a": ":", "a": "\\u003a"}}]}', "json_duplicate"),
    (b'{"legs": ' + b"9" * 5000 + b"}", "int_parsing_size"),
    (b'{"title": "x"} trailing', "json_invalid"),
    (b"{'title': 'x'}", "json_invalid"),
]


@pytest.mark.parametrize(("body", "kind"), RAW_BODIES)
def test_a_bad_body_is_422(everywhere: Everywhere, body: bytes, kind: str) -> None:
    response = everywhere.ask("POST", "/animals/", content=body, headers=JSON)
    assert response.status_code == 422
    assert kind in {problem["type"] for problem in response.json()["detail"]}


@pytest.mark.parametrize("content_type", ["text/plain", "", "text/json", "multipart/form-data"])
def test_a_body_that_is_not_json_is_415(everywhere: Everywhere, content_type: str) -> None:
    body = json.dumps(ANIMAL).encode()
    response = everywhere.ask(
        "POST", "/animals/", content=body, headers={"content-type": content_type}
    )
    assert (response.status_code, "application/json" in response.text) == (415, True)


def test_a_body_over_the_limit_is_413(everywhere: Everywhere) -> None:
    body = json.dumps(ANIMAL | {"note": "x" * 1_100_000}).encode()
    response = everywhere.ask("POST", "/animals/", content=body, headers=JSON)
    assert (response.status_code, set(response.json())) == (413, {"detail"})
    chunks = (body[i : i + 65536] for i in range(0, len(body), 65536))
    for api in everywhere.apis:
        whole = b"".join(chunks) or body
        streamed = api.ask("POST", "/animals/", content=iter([whole]), headers=JSON)
        assert streamed.status_code == 413


QUERIES = [
    ("offset=-1", "greater_than_equal"),
    ("limit=-1", "greater_than_equal"),
    ("limit=0", "greater_than_equal"),
    ("limit=101", "less_than_equal"),
    ("limit=1000000000", "less_than_equal"),
    ("offset=9223372036854775808", "less_than_equal"),
    ("offset=" + "9" * 5000, "int_parsing_size"),
    ("offset=x", "int_parsing"),
    ("offset=1.5", "int_parsing"),
    ("offset=1.0", "int_parsing"),
    ("offset=1_0", "int_parsing"),
    ("limit=+1", "int_parsing"),
    ("limit=1_0", "int_parsing"),
    ("offset=", "int_parsing"),
    ("limit=01", "int_parsing"),
    ("offset=00", "int_parsing"),
    ("offset=-0", "int_parsing"),
    ("offset=%00", "string_nul"),
    ("limt=1", "unknown_parameter"),
    ("secret__like=h", "unknown_parameter"),
    ("sort=secret", "literal_error"),
    ("limit=1&limit=2", "repeated_parameter"),
    ("=1", "unknown_parameter"),
]


@pytest.mark.parametrize(("query", "kind"), QUERIES)
def test_a_bad_query_is_422(everywhere: Everywhere, query: str, kind: str) -> None:
    everywhere.ask("POST", "/tags/", json={"code": "one", "plate": "X"})
    response = everywhere.ask("GET", f"/animals/?{query}")
    problems = response.json()["detail"]
    assert (response.status_code, [p["type"] for p in problems]) == (422, [kind])


def test_other_operations_refuse_unknown_parameters_too(everywhere: Everywhere) -> None:
    for method in ("POST", "PATCH", "DELETE", "GET"):
        path = "/tags/" if method == "POST" else "/tags/x"
        assert everywhere.ask(method, f"{path}?x=1").status_code == 422


KEYS = [
    ("/animals/9223372036854775808", 404),
    ("/animals/-9223372036854775809", 404),
    ("/animals/2147483648", 404),
    ("/animals/x", 422),
    ("/animals/1.5", 422),
    ("/animals/1.0", 422),
    ("/animals/1_0", 422),
    ("/animals/%201", 422),
    ("/animals/1%0A", 404),
    ("/animals/+1", 422),
    ("/animals/%D9%A1", 422),
    ("/animals/-1", 404),
    ("/animals/%0A", 404),
    ("/animals%0A", 404),
    ("/tags/%0A", 404),
    ("/tags/a%0A", 404),
    ("/live%0A", 404),
    ("/ready%0a", 404),
    ("/animals/%00", 422),
    ("/animals/" + "9" * 4300, 404),
    ("/animals/" + "9" * 4301, 404),
    ("/animals/-" + "9" * 5000, 404),
    ("/animals/" + "0" * 5000 + "1", 404),
    ("/events/x", 422),
    ("/events/%00", 422),
    ("/events/00000000-0000-7000-8000-000000000000", 404),
    ("/tags/a%00b", 404),
    ("/tags/%ff", 404),
    ("/tags/a%2Fb", 404),
    ("/tags/" + "x" * 5000, 404),
    ("/tags/..%2Fanimals", 404),
]


@pytest.mark.parametrize(("path", "status"), KEYS)
def test_a_key_that_no_row_has(everywhere: Everywhere, path: str, status: int) -> None:
    assert everywhere.ask("GET", path).status_code == status


@pytest.mark.parametrize("key", ["01", "00", "001", "-0", "-01", "-00", "0" * 30 + "1"])
def test_an_integer_key_has_one_spelling(everywhere: Everywhere, key: str) -> None:
    for api in everywhere.apis:
        for number in (0, 1, -1):
            row = {"number": number, "name": f"n{number}"}
            assert api.ask("POST", "/v1/countries/", json=row).status_code == 200
        path = f"/v1/countries/{key}"
        assert api.ask("GET", path).status_code == 404
        assert api.ask("PATCH", path, json={"name": "x"}).status_code == 404
        assert api.ask("DELETE", path).status_code == 404
        assert api.ask("GET", f"/v1/countries/?number={key}").status_code == 422
        assert api.ask("GET", f"/v1/countries/?number__in=1&number__in={key}").status_code == 422
        assert len(api.ask("GET", "/v1/countries/").json()) == 3
        assert api.ask("GET", "/v1/countries/-1").status_code == 200
        assert api.ask("GET", "/v1/countries/0").status_code == 200
        api.emptied()


def test_a_uuid_may_be_written_in_either_case(everywhere: Everywhere) -> None:
    """RFC 9562, section 4; no other spelling names a row."""
    for api in everywhere.apis:
        row = api.ask("POST", "/events/", json={"what": "x"}).json()
        uid = next(value for value in row.values() if str(value).count("-") == 4)
        assert api.ask("GET", f"/events/{uid.upper()}").json() == row
        for other in (uid.replace("-", ""), f"%7B{uid}%7D", f"urn:uuid:{uid}", uid[:-1]):
            assert api.ask("GET", f"/events/{other}").status_code == 422


LARGE = "9" * 4301
LARGE_BODIES: list[tuple[str, list[str | int]]] = [
    (f'{{"legs": {LARGE}}}', ["legs"]),
    (f'{{"legs": -{LARGE}}}', ["legs"]),
    (f'{{"data": {LARGE}}}', ["data"]),
    (f'{{"data": {{"a": [1, {{"b": {LARGE}}}]}}}}', ["data", "a", 1, "b"]),
    (f'{{"weight": {LARGE}, "title": 1}}', ["weight"]),
    (f'{{"unknown": {LARGE}}}', ["unknown"]),
    (LARGE, []),
    (f"[{LARGE}]", [0]),
    (f'{{"data": [{LARGE}], "legs": {LARGE}}}', ["data", 0]),
    (f'\ufeff{{"legs": {"1" * 900_000}}}', ["legs"]),
]


@pytest.mark.parametrize(("body", "place"), LARGE_BODIES, ids=[str(one[1]) for one in LARGE_BODIES])
def test_an_integer_of_too_many_digits_is_422_at_its_place(
    everywhere: Everywhere, body: str, place: list[str | int]
) -> None:
    for method, path in (("POST", "/animals/"), ("PATCH", "/animals/1")):
        begun = time.monotonic()
        response = everywhere.ask(method, path, content=body.encode(), headers=JSON)
        assert time.monotonic() - begun < 8  # four servers
        (problem,) = response.json()["detail"]
        assert (response.status_code, problem["type"]) == (422, "int_parsing_size")
        assert problem["loc"] == ["body", *place]
        assert problem["msg"] == "The number should have at most 4300 digits"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (f'{{"legs": {LARGE}', "json_invalid"),
        (f'{{"legs": {LARGE}, "legs": NaN}}', "json_invalid"),
        (f"[{LARGE}, " + "[" * 100_000, "json_depth"),
        (f'{{"legs": 1{LARGE}.0}}', "int_parsing_size"),
        (f'{{"legs": {LARGE}, "legs": 1}}', "json_duplicate"),
        (f'{{"data": [{{"a": [{LARGE}], "a": 1}}]}}', "json_duplicate"),
        (f'{{"legs": 1, "legs": {LARGE}}}', "int_parsing_size"),
        (f'{{"weight": {LARGE}e-{len(LARGE)}}}', "int_parsing_size"),
        (f'{{"data": [0.{LARGE}, {LARGE}e1]}}', "int_parsing_size"),
        (f'{{"weight": 1e{"9" * 30}}}', "finite_number"),
        (f'{{"data": [1e400, -1e{LARGE}]}}', "finite_number"),
    ],
)
def test_other_large_numbers_are_422(everywhere: Everywhere, body: str, kind: str) -> None:
    response = everywhere.ask("PATCH", "/animals/1", content=body.encode(), headers=JSON)
    kinds = {problem["type"] for problem in response.json()["detail"]}
    assert response.status_code == 422
    assert kinds == {kind}


def test_a_byte_order_mark_is_read_over(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        for method, path, body in (
            ("POST", "/animals/", ANIMAL),
            ("PATCH", "/animals/1", {"title": "\ufeffx"}),
        ):
            content = b"\xef\xbb\xbf" + json.dumps(body).encode()
            answer = api.ask(method, path, content=content, headers=JSON)
            assert answer.status_code in {200, 404}, answer.text
    repeated = everywhere.ask(
        "POST", "/animals/", content=b'\xef\xbb\xbf{"title": "a", "title": "b"}', headers=JSON
    )
    assert repeated.json()["detail"][0]["type"] == "json_duplicate"


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "latin-1"]
)
def test_a_body_in_another_encoding_is_422_and_says_which_is_right(
    everywhere: Everywhere, encoding: str
) -> None:
    for text in ('{"code": "ab", "plate": "X", "label": "é"}', '"é"', "[1, 2]" + '"é"'):
        answer = everywhere.ask("POST", "/tags/", content=text.encode(encoding), headers=JSON)
        assert answer.status_code == 422
        assert "UTF-8" in answer.json()["detail"][0]["msg"]
    assert everywhere.ask("GET", "/tags/").json() == []


TAG = b'{"code": "ab", "plate": "X"}'


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json; charset=utf-8", 200),
        ("application/json;charset=UTF-8", 200),
        ('application/json; charset="utf-8"', 200),
        ("application/json; charset=utf8", 200),
        ("application/json; version=1", 200),
        ("application/merge-patch+json; charset=utf-8", 200),
        ("application/json; charset=latin-1", 415),
        ("application/json; charset=ISO-8859-1", 415),
        ("application/json; charset=utf-16", 415),
        ("application/json; charset=", 415),
        ("application/json; Charset=utf-16", 415),
        ("application/json; charset=utf-8; charset=utf-16", 415),
        ("application/json; charset*=us-ascii''utf-16", 415),
        ('application/json; charset="utf-16"', 415),
        ("application/json; charset=" + "x" * 5000, 415),
        ("application/json; charset*" + "1" * 5000 + "=utf-8", 415),
        ("application/json; charset*0=utf-; charset*1=16", 415),
        ("application/json; charset*=utf-8", 415),
        ('application/json ;\tcharset=UTF-8 ; ;version="a;charset=utf-16"', 200),
        ('application/json; charset="u\\tf-8"', 200),
    ],
)
def test_a_charset_other_than_utf_8_is_415(
    everywhere: Everywhere, content_type: str, status: int
) -> None:
    headers = {"content-type": content_type}
    answer = everywhere.ask("POST", "/tags/", content=TAG, headers=headers)
    assert answer.status_code == status, answer.text
    assert status == 200 or "UTF-8" in answer.json()["detail"]
    assert len(answer.content) < 500
    assert everywhere.ask("PATCH", "/tags/ab", content=b"", headers=headers).status_code in {
        404,
        422,
    }


@pytest.mark.parametrize(
    "content_type",
    [
        *("application/json, text/plain", "application/json,application/json", "application/"),
        *("application/json; charset", "application/json; version = 1", 'application/json; a="'),
        *('application/json; a="\\', "application/json; a=b c", "application/json utf-8"),
        *("application/json; a*" + "1" * 5000 + "*", "application/+json; é=1", "/json", ";"),
        *("application/json" + "; " * 5000 + "x", "application/json;" + " " * 50_000 + "x"),
        *("application/json;" + "a=b;" * 10_000 + "=", 'application/json;a="' + "\\" * 50_000),
    ],
    ids=lambda text: text[:24],
)
def test_a_content_type_that_is_none_is_415_at_once(
    everywhere: Everywhere, content_type: str
) -> None:
    headers = {"content-type": content_type.encode()}
    begun = time.monotonic()
    answer = everywhere.ask("POST", "/tags/", content=TAG, headers=headers)
    assert time.monotonic() - begun < 4
    assert answer.status_code == 415, answer.text
    assert answer.json()["detail"] == "The Content-Type should be application/json"


@pytest.mark.parametrize(
    ("coding", "status"),
    [
        ("identity", 200),
        ("Identity, identity", 200),
        ("", 200),
        ("gzip", 415),
        ("GZIP", 415),
        ("x-gzip", 415),
        ("br", 415),
        ("identity, deflate", 415),
        ("gzip, gzip", 415),
        ("zstd\t, identity", 415),
        ("aws-chunked", 415),
        ("é" * 9, 415),
        ("x" * 5000, 415),
    ],
)
def test_a_content_coding_is_415(everywhere: Everywhere, coding: str, status: int) -> None:
    headers = [("content-type", "application/json"), ("content-encoding", coding.encode())]
    for body in (TAG, gzip.compress(TAG)) if status == 415 else (TAG,):
        answer = everywhere.ask("POST", "/tags/", content=body, headers=headers)
        assert answer.status_code == status, answer.text
        if status == 415:
            assert "content coding" in answer.json()["detail"]
            assert answer.headers["accept-encoding"] == "identity"
            assert len(answer.content) < 500
    named = everywhere.ask(
        "POST", "/tags/", content=b"x", headers=[*headers[:1], ("content-encoding", "gzip")]
    )
    assert "The content coding gzip is not supported" in named.text
    twice = [*headers[:1], ("content-encoding", "identity"), ("content-encoding", "br")]
    assert everywhere.ask("POST", "/tags/", content=TAG, headers=twice).status_code == 415


def test_a_text_key_that_cannot_stand_in_a_url_is_422(everywhere: Everywhere) -> None:
    for key in ("a/b", "..", ".x", "/", "", "x", "a\nb", "ab\n", "a\x7f"):
        row = {"code": key, "plate": "X"}
        assert everywhere.ask("POST", "/tags/", json=row).status_code == 422
    # This entity's keys have a pattern of their own.
    for key in ("a/b", "A", "", "a\n"):
        assert everywhere.ask("POST", "/blog-posts/", json={"uid": key}).status_code == 422


def test_patterns_match_the_whole_text(everywhere: Everywhere) -> None:
    for plate, status in (("AB-12", 200), ("X", 200), ("AB-12!", 422), ("XX", 422), ("X\n", 422)):
        row = {"code": f"k{len(plate)}{status}", "plate": plate}
        assert everywhere.ask("POST", "/tags/", json=row).status_code == status


def test_unique_rules_are_409_and_name_the_properties(everywhere: Everywhere) -> None:
    unique = {"type": "unique"}
    assert everywhere.ask("POST", "/v1/countries/", json={"number": 1, "name": "A"}).is_success
    assert everywhere.ask("POST", "/v1/countries/", json={"number": 2, "name": "B"}).is_success
    for method, path, body, fields in (
        ("POST", "/v1/countries/", {"number": 1, "name": "C"}, ["number"]),
        ("POST", "/v1/countries/", {"number": 3, "name": "A"}, ["name"]),
        ("PATCH", "/v1/countries/2", {"name": "A"}, ["name"]),
    ):
        response = everywhere.ask(method, path, json=body)
        assert response.status_code == 409
        assert [p["loc"] for p in response.json()["detail"]] == [["body", name] for name in fields]
        assert all(p["type"] == unique["type"] for p in response.json()["detail"])
    tag = {"label": "l", "plate": "X"}
    assert everywhere.ask("POST", "/tags/", json=tag | {"code": "one"}).is_success
    together = everywhere.ask("POST", "/tags/", json=tag | {"code": "two"})
    assert together.status_code == 409
    assert [p["loc"] for p in together.json()["detail"]] == [["body", "label"], ["body", "plate"]]


def test_two_nulls_are_not_the_same(everywhere: Everywhere) -> None:
    for last in (1, 2):
        body = ANIMAL | {"chip": f"0190b0f0-0000-7000-8000-00000000000{last}", "contact2": None}
        for api in everywhere.apis:
            assert api.ask("POST", "/animals/", json=body).status_code == 200


NUMBERS = [10**399, 123456789012345678901234567890, 2**63, -(2**70), 1.5, 0, 1e300, "1.0", True]


@pytest.mark.parametrize("value", NUMBERS, ids=str)
def test_a_json_value_that_is_only_a_number_comes_back_equal(
    everywhere: Everywhere, value: Any
) -> None:
    for api in everywhere.apis:
        created = api.ask("POST", "/animals/", json=ANIMAL | {"data": value})
        assert created.status_code == 200, created.text
        for row in (created.json(), api.ask("GET", created.headers["location"]).json()):
            assert row["data"] == value
            assert type(row["data"]) is type(value)


def test_a_float_is_written_alike_everywhere(everywhere: Everywhere) -> None:
    for height, shown in ((1, b"1.0"), (1.0, b"1.0"), (-0.0, b"0.0"), (0.1, b"0.1")):
        for api in everywhere.emptied().apis:
            created = api.ask("POST", "/animals/", json=ANIMAL | {"height": height})
            assert b'"height":' + shown + b"," in created.content
            path = created.headers["location"]
            assert api.ask("GET", path).content == created.content
            patched = api.ask("PATCH", path, json={"height": height}).content
            assert b'"height":' + shown + b"," in patched


def test_a_content_length_of_many_digits_is_no_500(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        host, port = str(api.client.base_url)[7:].rstrip("/").split(":")
        for length in ("0" * 5000 + "2", "9" * 5000):
            with socket.create_connection((host, int(port)), timeout=20) as connection:
                head = f"POST /tags/ HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n"
                connection.sendall(f"{head}Content-Type: application/json\r\n\r\n{{}}".encode())
                status = connection.recv(4096).split(b" ")[1]
            assert status in {b"400", b"413", b"422"}


def test_what_is_not_there_is_404_or_405(everywhere: Everywhere) -> None:
    for method, path, status in (
        ("GET", "/", 404),
        ("GET", "/nothing", 404),
        ("GET", "/animals/1/", 404),
        ("GET", "//animals", 404),
        ("PUT", "/animals/1", 405),
        ("OPTIONS", "/animals/1", 405),
        ("DELETE", "/animals/", 405),
        ("DELETE", "/events/00000000-0000-7000-8000-000000000000", 405),
    ):
        response = everywhere.ask(method, path)
        assert (response.status_code, set(response.json())) == (status, {"detail"})


def test_a_header_does_not_choose_the_request_id_freely(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        answer = api.ask("GET", "/live", headers={"x-request-id": "evil"})
        assert answer.headers["x-request-id"] != "evil"
        given = "6f9619ff8b86401fb2a1c0ffee000001"
        answer = api.ask("GET", "/live", headers={"x-request-id": given})
        assert answer.headers["x-request-id"] == given
        assert "server" not in answer.headers


def test_concurrent_creates_of_one_unique_value_make_one_row(everywhere: Everywhere) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    for api in everywhere.apis:
        with ThreadPoolExecutor(16) as pool:
            statuses = list(
                pool.map(
                    lambda n, api=api: (
                        api.ask(
                            "POST", "/v1/countries/", json={"number": n, "name": "same"}
                        ).status_code
                    ),
                    range(16),
                )
            )
        assert sorted(statuses) == [200] + [409] * 15
