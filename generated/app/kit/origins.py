"""Validation of web origins (RFC 6454): only the form that browsers send can match."""

import re
from collections.abc import Sequence

from pydantic_core import PydanticCustomError, Url, ValidationError

_LABEL = "[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?|\[[0-9a-f:]+\]")
"""A host name, an IPv4 address or an IPv6 address. URLs may also contain other hosts."""
_ADDRESS = re.compile(r"(?<=://)\[[0-9A-Fa-f:.]*\]")
_SEVERAL = re.compile(r"[\s\"'\[\]{}<>;|]")
"""Characters that separate or enclose origins, and are part of none."""
_DEVIATIONS = re.compile("[\u00df\u1e9e\u03c2\u200c\u200d]")
"""The deviation characters of UTS 46: browsers encode a host with one of them in two ways."""
_EXAMPLE = "such as https://a.example"


def split_origins(value: object) -> object:
    """Return the origins in a comma-separated string; return other values unchanged."""
    if not isinstance(value, str):
        return value
    if value.strip().startswith("["):
        message = "should be origins separated by commas, without brackets and quotes"
        raise PydanticCustomError("origins", message)
    return [one.strip() for one in value.split(",") if one.strip()]


def check_origins(origins: Sequence[str]) -> Sequence[str]:
    """Raise PydanticCustomError for an origin that is not in the form that browsers send."""
    for origin in origins:
        if origin == "*":
            if len(origins) > 1:
                raise _origin_error("* allows every origin: remove the other origins")
        elif (fault := _origin_problem(origin)) is not None:
            raise _origin_error(fault)
    return origins


def _origin_problem(origin: str) -> str | None:
    """Return what is wrong with an origin, and how to write it; None if it is valid."""
    if origin == "null":
        return "null is sent by every page without an origin, so it cannot be allowed"
    if _SEVERAL.search(_ADDRESS.sub("", origin)):
        return f"{origin!r} is not one origin: write origins without quotes, separated by commas"
    if "@" in origin:  # the text before it may be secret
        return f"an origin at {origin.rpartition('@')[2]!r} has a user name: remove it"
    scheme, found, _ = origin.partition("://")
    if not found or scheme.lower() not in {"http", "https"}:
        return f"{origin!r}: an origin begins with http:// or https://, {_EXAMPLE}"
    if "*" in origin:
        return f"{origin!r}: wildcards are not supported: list each origin, or * alone"
    return _form_problem(origin)


def _form_problem(origin: str) -> str | None:
    if _DEVIATIONS.search(origin):
        return f"{origin!r}: write its host as a browser sends it, beginning with xn--"
    sent = _as_browsers_send(origin)
    if sent is None:
        return f"{origin!r} is not an origin, {_EXAMPLE}"
    if sent != origin:
        return f"{origin!r} is never sent by a browser: write {sent}"
    return None


def _as_browsers_send(origin: str) -> str | None:
    """Return an origin in the form that browsers send; None if it is not an origin."""
    try:
        url = Url(origin)  # parses as browsers do, also `127.1`
    except ValidationError:
        return None
    host = url.host or ""
    is_shortened = host.rpartition(".")[2].isdigit() and host not in origin
    if is_shortened or not _HOST.fullmatch(host):
        return None
    return "/".join(str(url).split("/")[:3])


def _origin_error(message: str) -> PydanticCustomError:
    return PydanticCustomError("origins", "{message}", {"message": message})
