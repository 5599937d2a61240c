"""The types of e-mail addresses and URLs."""

import re
from typing import Annotated

from pydantic import AfterValidator, AnyHttpUrl, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from .text import BIDI, TextRule

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP = r"[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z])?"
EMAIL = rf"^{_ATOM}(\.{_ATOM})*@({_LABEL}\.)+{_TOP}$"
"""An ASCII dot-atom and a domain (RFC 5322), similar to HTML's `<input type=email>`.

OpenAPI shows this pattern instead of `format: email`, which every validator implements differently.
"""
_EXCLUDED = rf"\x00-\x20\x7f-\x9f\u200e\u200f{BIDI}\\"
"""White space, control characters, backslashes, and controls of text direction (RFC 3987)."""
URL = rf"^[hH][tT][tT][pP][sS]?://[^{_EXCLUDED}/?#][^{_EXCLUDED}]*$"
"""A scheme and a host, without characters that a browser drops or replaces.

pydantic also accepts what a browser corrects, such as `http:a.b` and ` http:\\\\a.b`. URLs are
stored as sent, so these are rejected.
"""
_AS_WRITTEN = TextRule(as_sent=True, controls=True)
_EMAIL = re.compile(EMAIL)
_URL = re.compile(URL)
_HTTP_URL = TypeAdapter(AnyHttpUrl)


def read_email(value: str) -> str:
    """Return a valid e-mail address, with its domain in lower case."""
    if value.endswith("\n") or not _EMAIL.match(value):
        raise PydanticCustomError("email", "Input should be an e-mail address")
    name, _, domain = value.partition("@")
    return f"{name}@{domain.lower()}"


def read_url(value: str) -> str:
    """Return a valid http or https URL unchanged; raise PydanticCustomError for other text."""
    if not _URL.fullmatch(value) or not _is_http_url(value):
        raise PydanticCustomError("url", "Input should be an http or https URL")
    return value


def _is_http_url(url: str) -> bool:
    try:
        _HTTP_URL.validate_python(url)
    except ValidationError:
        return False
    return True


EmailText = Annotated[
    str,
    _AS_WRITTEN,
    AfterValidator(read_email),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": 254,
            "pattern": EMAIL,
            "examples": ["ann@example.com"],
        }
    ),
]
"""An e-mail address. Its domain is stored in lower case."""

UrlText = Annotated[
    str,
    _AS_WRITTEN,
    AfterValidator(read_url),
    WithJsonSchema({"type": "string", "maxLength": 2083, "format": "uri", "pattern": URL}),
]
"""An http or https URL, stored as sent."""
