"""`CORS_ORIGINS` takes what browsers send, and says of anything else how to write it."""

import re

import pytest
from pydantic import ValidationError

from crudgen.kit.settings import BaseAppSettings


def message(origins: str) -> str:
    with pytest.raises(ValidationError) as refused:
        BaseAppSettings.model_validate({"cors_origins": origins})
    (problem,) = refused.value.errors()
    assert problem["loc"] == ("cors_origins",)
    assert "\n" not in problem["msg"]
    assert not re.search(r"\^|pattern|\[\^", problem["msg"])
    return problem["msg"]


@pytest.mark.parametrize(
    "origins",
    [
        *("", "*", " * ", "https://a.example", "http://localhost:3000", "http://127.0.0.1:8000"),
        *("https://a.example, http://b.example:8080,", "http://[::1]:3000", "http://a.example:443"),
        *("https://xn--bcher-kva.example", "https://a_b.example", "http://printer", "http://a.b."),
    ],
)
def test_origins_are_taken(origins: str) -> None:
    found = BaseAppSettings.model_validate({"cors_origins": origins}).cors_origins
    assert found == [one.strip() for one in origins.split(",") if one.strip()]


@pytest.mark.parametrize(
    ("origin", "written"),
    [
        ("https://a.example/", "https://a.example"),
        ("https://a.example/path?q#f", "https://a.example"),
        ("https://A.Example", "https://a.example"),
        ("HTTPS://a.example", "https://a.example"),
        ("https://a.example:443", "https://a.example"),
        ("http://a.example:80", "http://a.example"),
        ("http://[::1]:80", "http://[::1]"),
        ("http://[0:0:0:0:0:0:0:1]:3000", "http://[::1]:3000"),
        ("https://a.example:08443", "https://a.example:8443"),
        ("https://a.example:", "https://a.example"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_another_spelling_is_refused_and_the_right_one_named(origin: str, written: str) -> None:
    found = message(f"https://good.example,{origin}")
    assert f"{origin!r} is never sent by a browser: write {written}" in found
    assert BaseAppSettings.model_validate({"cors_origins": written}).cors_origins == [written]


@pytest.mark.parametrize(
    ("origins", "said"),
    [
        ('["https://a.example"]', "separated by commas, without brackets and quotes"),
        ('["https://a.example", "https://b.example"]', "without brackets and quotes"),
        ("[]", "without brackets and quotes"),
        ("https://*.example.com", "wildcards are not supported"),
        ("https://a.*", "wildcards are not supported"),
        ("https://a.example:*", "wildcards are not supported"),
        ("*,https://a.example", "remove the other origins"),
        ("*,*", "remove the other origins"),
        ("null", "null is sent by every page without an origin"),
        ("a.example", "an origin begins with http:// or https://"),
        ("localhost:3000", "an origin begins with http:// or https://"),
        ("ftp://a.example", "an origin begins with http:// or https://"),
        ("//a.example", "an origin begins with http:// or https://"),
        ("https://", "is not an origin"),
        ("https://a..example", "is not an origin"),
        ("https://a.example:99999", "is not an origin"),
        ("https://a.example:x", "is not an origin"),
        ("http://127.1", "is not an origin"),
        ("https://a.example https://b.example", "separated by commas"),
        ("https://a.example;https://b.example", "separated by commas"),
        ("'https://a.example'", "without quotes"),
        ("https://[::1", "separated by commas"),
    ],
)
def test_what_is_no_origin_is_refused_with_the_reason(origins: str, said: str) -> None:
    assert said in message(origins)


@pytest.mark.parametrize("origin", ["https://ann:hunter2@a.example", "ann:hunter2@a.example"])
def test_a_password_is_never_shown(origin: str) -> None:
    found = message(origin)
    assert "has a user name: remove it" in found
    assert "hunter2" not in found


@pytest.mark.parametrize(
    "origin",
    [
        "https://fa\u00df.example",
        "https://FA\u1e9e.example:8443",
        "https://\u03b2\u03cc\u03bb\u03bf\u03c2.example/",
        "https://a\u200cb.example",
        "https://a\u0dca\u200d.example",
    ],
)
def test_a_host_that_browsers_write_as_another_one_than_python_is_not_guessed(origin: str) -> None:
    """IDNA 2003 makes `fass` of `faß`, which is another host."""
    found = message(origin)
    assert "write its host as a browser sends it, beginning with xn--" in found
    assert "fass" not in found
