"""Validation of web origins (RFC 6454): only the form that browsers send can match."""

import re
from collections.abc import Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urlsplit

from pydantic_core import PydanticCustomError

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
_ADDRESS = re.compile(r"(?<=://)\[[0-9A-Fa-f:.]*\]")
_SEVERAL = re.compile(r"[\s\"'\[\]{}<>;|]")
"""Characters that separate or enclose origins, and are part of none."""
_ENCODED_DIFFERENTLY = re.compile("[\u00df\u1e9e\u03c2\u200c\u200d]")
"""Characters that browsers keep (UTS 46) and Python replaces (IDNA 2003)."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_EXAMPLE = "such as https://a.example"


def split(value: object) -> object:
    """Split a string at its commas."""
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
                raise _error("* allows every origin: remove the other origins")
        elif (fault := _fault(origin)) is not None:
            raise _error(fault)
    return origins


def _fault(origin: str) -> str | None:
    """Return what is wrong with an origin, and how to write it."""
    if origin == "null":
        return "null is sent by every page without an origin, so it cannot be allowed"
    if _SEVERAL.search(_ADDRESS.sub("", origin)):
        return f"{origin!r} is not one origin: write origins without quotes, separated by commas"
    if "@" in origin:  # the text before it may be secret
        return f"an origin at {origin.rpartition('@')[2]!r} has a user name: remove it"
    scheme, found, _ = origin.partition("://")
    if not found or scheme.lower() not in _DEFAULT_PORTS:
        return f"{origin!r}: an origin begins with http:// or https://, {_EXAMPLE}"
    if "*" in origin:
        return f"{origin!r}: wildcards are not supported: list each origin, or * alone"
    return _form_fault(origin)


def _form_fault(origin: str) -> str | None:
    if _ENCODED_DIFFERENTLY.search(origin):
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
        parts = urlsplit(origin)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            return None
    if ":" in host:
        try:
            host = f"[{IPv6Address(host)}]"
        except AddressValueError:
            return None
    elif not _HOST.fullmatch(host) or (_ends_in_a_number(host) and not _is_address(host)):
        return None
    shown_port = "" if port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{port}"
    return f"{parts.scheme}://{host}{shown_port}"


def _ends_in_a_number(host: str) -> bool:
    return host.rstrip(".").rpartition(".")[2].isdigit()


def _is_address(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


def _error(message: str) -> PydanticCustomError:
    return PydanticCustomError("origins", "{message}", {"message": message})
