"""An address is what the document says it is: to a client, to the server and in a spec."""

from pathlib import Path

import email_validator
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import TypeAdapter

from crudgen.kit.types.addresses import EMAIL, EmailText, UrlText
from crudgen.language.resolve.values import to_value
from crudgen.language.schema import TypeName
from tests.support.servers import Servers, write_entities

pytestmark = pytest.mark.long

ADDRESS: TypeAdapter[str] = TypeAdapter(EmailText)
PAGE: TypeAdapter[str] = TypeAdapter(UrlText)
PAGE_DOCUMENT = Draft202012Validator(PAGE.json_schema())
DOCUMENT = Draft202012Validator(ADDRESS.json_schema(), format_checker=FormatChecker())


@pytest.fixture(scope="module", autouse=True)
def every_domain() -> None:
    """An address in a network of one's own is one, such as `root@printer.local`."""
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


def read(text: str) -> str | None:
    try:
        return ADDRESS.validate_python(text)
    except ValueError:
        return None


def read_in_a_spec(text: str) -> str | None:
    try:
        return str(to_value(TypeName.EMAIL, text))
    except ValueError:
        return None


@given(st.from_regex(EMAIL, fullmatch=True) | st.emails() | st.text("aA1-.@+ é", max_size=12))
def test_everybody_reads_an_address_alike(text: str) -> None:
    text = text[-254:]  # the field says how long it may be
    address = read(text)
    assert read_in_a_spec(text) == address
    assert DOCUMENT.is_valid(text) == (address is not None)
    if address is None:
        return
    name, _, domain = address.partition("@")
    if len(address) <= 254 and len(name) <= 64 and "--" not in domain:
        found = email_validator.validate_email(text, check_deliverability=False)
        assert found.normalized == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Ann@Example.COM", "Ann@example.com"),
        ("a.b+c@d-e.example", "a.b+c@d-e.example"),
        ("a" * 64 + "@b.example", "a" * 64 + "@b.example"),
        ("a" * 65 + "@b.example", "a" * 65 + "@b.example"),
        ("a@" + "b" * 64 + ".example", None),
        ("info@xn--mnchen-3ya.de", "info@xn--mnchen-3ya.de"),
        ("a@b.xn--p1ai", "a@b.xn--p1ai"),
        ("a@b", None),
        ("a@b-.example", None),
        ("a@127.0.0.1", None),
        ("a@b.example.", None),
        ("a@b.example\n", None),
        ("a@-b.example", None),
        (".a@b.example", None),
        ("a..b@b.example", None),
        ("a@b@c.example", None),
        ('"a b"@c.example', None),
        ("é@b.example", None),
    ],
)
def test_addresses(text: str, address: str | None) -> None:
    assert read(text) == address


PERSON = """
name: Person
fields: {mail: email, other: email?, note: str(1..60)?}
"""
ANN, BOB = "Ann@example.com", "bob@example.com"


def test_a_filter_reads_an_address_as_a_body_does(servers: Servers, tmp_path: Path) -> None:
    people = servers.everywhere(write_entities(tmp_path / "entities", {"person": PERSON}))
    for address in ("Ann@Example.com", "bob@EXAMPLE.COM"):
        body = {"mail": address, "other": address, "note": address}
        assert people.ask("POST", "/people/", json=body).status_code == 200
    for query, found in (
        ("mail=Ann@Example.COM", [ANN]),
        ("mail=ann@example.com", []),
        ("other=Ann@Example.COM", [ANN]),
        ("mail__ne=Ann@Example.COM", [BOB]),
        ("mail__in=x&mail__in=Ann@Example.COM", [ANN]),
        ("other__not_in=Ann@Example.COM", [BOB]),
        ("mail__gt=Ann@Example.COM", [BOB]),
        ("mail__lte=Ann@Example.COM", [ANN]),
        ("mail=Ann@Example", []),
        ("mail__contains=n@Example", []),
        ("mail__icontains=n@Example", [ANN]),
        ("note=Ann@Example.COM", []),
    ):
        rows = people.ask("GET", f"/people/?{query}&sort=id").json()
        assert [row["mail"] for row in rows] == found, query


@pytest.mark.parametrize(
    "url",
    [
        "http://a.b",
        "HTTPS://A.b:8000/c/d.html?e=f&g=%20#h",
        "http://ann:secret@a.b/",
        "http://localhost",
        "http://[::1]:80/",
        "http://127.0.0.1?a",
        "https://é.example/ü",
    ],
)
def test_a_url_is_kept_as_it_is(url: str) -> None:
    assert PAGE.validate_python(url) == url
    assert PAGE_DOCUMENT.is_valid(url)


@pytest.mark.parametrize(
    "url",
    [
        "\x01http://a.b",
        " \thttp:/ex\nample.com ",
        "http://a.b\n",
        " http://a.b",
        "http://a.b ",
        "http://a.b/c d",
        "http://a\tb.c",
        "http://a.b/\x7f",
        "http://a.b/\x85",
        "http:a.b",
        "http:/a.b",
        "http:///a.b",
        "http:\\\\a.b",
        "http://a.b\\c",
        "http://",
        "ftp://a.b",
        "//a.b",
    ],
)
def test_text_that_only_a_browser_makes_a_url_of_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="http or https URL"):
        PAGE.validate_python(url)
    assert url == "http://a.b\n" or not PAGE_DOCUMENT.is_valid(url)  # Python's `$` overlooks it
