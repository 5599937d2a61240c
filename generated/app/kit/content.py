"""What a request says of its body: JSON, in UTF-8, not compressed. Anything else is 415."""

from email.message import Message

from fastapi import HTTPException
from starlette.datastructures import Headers

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
    described = Message()
    described["content-type"] = headers.get("content-type", "text/plain")
    subtype = described.get_content_subtype()
    if described.get_content_maintype() != "application" or not (
        subtype == "json" or subtype.endswith("+json")
    ):
        raise HTTPException(415, "The body should be application/json")
    for name, value in described.get_params([])[1:]:
        charset = value if isinstance(value, str) else value[-1]
        if name.lower().rstrip("*") == "charset" and charset.strip().lower() not in _UTF8:
            message = f"The charset{_shown(charset)} is not supported: the body should be UTF-8"
            raise HTTPException(415, message)


def _shown(name: str) -> str:
    """Return the name to be shown in a message; nothing if it is no such name."""
    is_name = name.isascii() and name.isprintable() and 0 < len(name) <= _MOST_SHOWN
    return f" {name}" if is_name else ""
