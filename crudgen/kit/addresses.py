"""Text that is an address: of e-mail, of a web page."""

import re
from typing import Annotated

from pydantic import AfterValidator, AnyHttpUrl, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from .text import BIDI, TextRule

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP = r"[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z])?"
EMAIL = rf"^{_ATOM}(\.{_ATOM})*@({_LABEL}\.)+{_TOP}$"
"""A dot-atom at a domain, in ASCII (RFC 5322), much as HTML's `<input type=email>` has it.

OpenAPI shows it instead of `format: email`, which everybody reads in another way: a client can
check the very same.
"""
_NO_PART = rf"\x00-\x20\x7f-\x9f\u200e\u200f{BIDI}\\"
"""Blanks, controls and backslashes; of directions, a URL holds no sign at all (RFC 3987)."""
URL = rf"^[hH][tT][tT][pP][sS]?://[^{_NO_PART}/?#][^{_NO_PART}]*$"
"""A scheme and a host, and nothing that a browser would drop or read as something else.

pydantic reads as a browser does: `http:a.b` and ` http:\\\\a.b` too. What is kept is not mended.
"""
_AS_WRITTEN = TextRule(as_sent=True, controls=True)
_EMAIL = re.compile(EMAIL)
_URL = re.compile(URL)
_HTTP_URL = TypeAdapter(AnyHttpUrl)


def read_email(value: str) -> str:
    """Check an e-mail address; its domain is kept in lower case."""
    if value.endswith("\n") or not _EMAIL.match(value):
        raise PydanticCustomError("email", "Input should be an e-mail address")
    name, _, domain = value.partition("@")
    return f"{name}@{domain.lower()}"


def read_url(value: str) -> str:
    """Check an http or https URL; it is kept as it was written."""
    if not _URL.fullmatch(value) or not _is_read(value):
        raise PydanticCustomError("url", "Input should be an http or https URL")
    return value


def _is_read(url: str) -> bool:
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
"""An e-mail address, its domain in lower case."""

UrlText = Annotated[
    str,
    _AS_WRITTEN,
    AfterValidator(read_url),
    WithJsonSchema({"type": "string", "maxLength": 2083, "format": "uri", "pattern": URL}),
]
"""An http or https URL, kept as it was written."""
