"""What a request says of its body: JSON, in UTF-8, not compressed. Anything else is 415."""

import re

from fastapi import HTTPException
from starlette.datastructures import Headers

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_PARAMETER = rf'[ \t]*+;[ \t]*+(?:({_WORD})=("(?:[^"\\]|\\.)*+"|(?:{_WORD})?+))?+'
_PARAMETERS = re.compile(_PARAMETER)
_TYPE = re.compile(rf"application/({_WORD})((?:{_PARAMETER})*+)[ \t]*+", re.IGNORECASE)
"""A media type (RFC 9110, section 8.3.1); possessive, so that no text takes long to be refused."""
_UTF8 = {"utf-8", "utf8"}
_MOST_SHOWN = 40


def check_content(headers: Headers) -> None:
    """Raise HTTPException 415 for a body of another type, charset or content coding."""
    codings = [
        coding
        for line in headers.getlist("content-encoding")
        for coding in line.split(",")
        if coding.strip().lower() not in {"", "identity"}
    ]
    if codings:
        named = _shown(",".join(codings).strip())
        message = f"The content coding{named} is not supported: send the body as it is"
        # RFC 9110, section 12.5.3: what would be accepted.
        raise HTTPException(415, message, {"Accept-Encoding": "identity"})
    found = _TYPE.fullmatch(headers.get("content-type", ""))
    if found is None or not f"+{found[1]}".lower().endswith("+json"):
        raise HTTPException(415, "The body should be application/json")
    for name, value in _PARAMETERS.findall(found[2]):
        charset = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        # `charset*` is a spelling of e-mail (RFC 2231), which some readers know.
        is_charset = name.lower().partition("*")[0] == "charset"
        if is_charset and (charset.lower() not in _UTF8 or "*" in name):
            message = f"The charset{_shown(charset)} is not supported: the body should be UTF-8"
            raise HTTPException(415, message)


def _shown(name: str) -> str:
    """Return the name to be shown in a message; nothing if it is no such name."""
    is_name = name.isascii() and name.isprintable() and 0 < len(name) <= _MOST_SHOWN
    return f" {name}" if is_name else ""
