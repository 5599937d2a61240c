"""Validation of Content-Type and Content-Encoding: uncompressed JSON in UTF-8."""

import re

from fastapi import HTTPException
from starlette.datastructures import Headers

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_PARAMETER = rf'[ \t]*+;[ \t]*+(?:({_WORD})=("(?:[^"\\]|\\.)*+"|(?:{_WORD})?))?'
# Its optional groups are not possessive: before 3.11.5, Python matches such groups in part.
_PARAMETERS = re.compile(_PARAMETER)
_TYPE = re.compile(rf"application/({_WORD})((?:{_PARAMETER})*+)[ \t]*+", re.IGNORECASE)
"""A media type (RFC 9110, section 8.3.1). Possessive quantifiers prevent slow backtracking."""
_UTF8 = {"utf-8", "utf8"}
_MAX_SHOWN = 40


def check_content(headers: Headers) -> None:
    """Raise HTTPException 415 unless the body is declared as uncompressed JSON in UTF-8."""
    codings = [
        coding
        for line in headers.getlist("content-encoding")
        for coding in line.split(",")
        if coding.strip().lower() not in {"", "identity"}
    ]
    if codings:
        named = _name_for_message(",".join(codings).strip())
        message = f"The content coding{named} is not supported: send the body uncompressed"
        # RFC 9110, section 12.5.3: the codings that are accepted.
        raise HTTPException(415, message, {"Accept-Encoding": "identity"})
    found = _TYPE.fullmatch(headers.get("content-type", ""))
    if found is None or not f"+{found[1]}".lower().endswith("+json"):
        raise HTTPException(415, "The Content-Type should be application/json")
    for name, value in _PARAMETERS.findall(found[2]):
        charset = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        # Some parsers also accept `charset*`, the extended form of e-mail (RFC 2231).
        is_charset = name.lower().partition("*")[0] == "charset"
        if is_charset and (charset.lower() not in _UTF8 or "*" in name):
            message = f"The charset{_name_for_message(charset)} is not supported: use UTF-8"
            raise HTTPException(415, message)


def _name_for_message(name: str) -> str:
    """Return a name for a message, after a space; empty if the name is long or not printable."""
    is_name = name.isascii() and name.isprintable() and 0 < len(name) <= _MAX_SHOWN
    return f" {name}" if is_name else ""
