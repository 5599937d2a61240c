"""Validation of request heads (RFC 9112), and responses to those that are refused."""

import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from http import HTTPStatus
from ipaddress import AddressValueError, IPv6Address

from .headers import Header, with_default_headers

Refusal = tuple[HTTPStatus, str]
"""The status and the `detail` of the response to a refused request."""

INVALID: Refusal = HTTPStatus.BAD_REQUEST, "The request is not valid HTTP"
TOO_LARGE: Refusal = (
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "The headers are too large or too many",
)
_NO_HOST: Refusal = HTTPStatus.BAD_REQUEST, "The request should have one Host header"
_BAD_HOST: Refusal = HTTPStatus.BAD_REQUEST, "The Host header should be a host and optional port"
_BAD_TARGET: Refusal = HTTPStatus.BAD_REQUEST, "The request target should be a path or an http URL"
_BAD_VERSION: Refusal = (
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
    "The HTTP version should be 1.1 or 1.0",
)
_NAME = rb"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
_HOST = re.compile(rb"(?:" + _NAME + rb"|\[([0-9A-Fa-f:.]+)\])(?::[0-9]*)?")
"""A host and port as in a URL (RFC 3986, section 3.2.2), without user information."""
_MAX_HOST_BYTES = 512
"""Domain names have at most 253 characters (RFC 1035). The cache should not hold long values."""
_ABSOLUTE = re.compile(rb"[hH][tT][tT][pP][sS]?://([^/?]*)(.*)", re.DOTALL)
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]{1,40}")


def find_refusal(
    version: str, target: bytes, headers: Sequence[tuple[bytes, bytes]]
) -> Refusal | None:
    """Return the refusal of an invalid request head; None if it is valid."""
    host: bytes | None = None
    is_usual = version == "1.1" and target.startswith(b"/") and b"#" not in target
    for name, value in headers:
        if name == b"host":
            is_usual = is_usual and host is None
            host = value
        elif name == b"transfer-encoding":
            is_usual = False
    if is_usual and host is not None and is_host(host):
        return None
    return _run_all_checks(version, target, headers)


def _run_all_checks(
    version: str, target: bytes, headers: Sequence[tuple[bytes, bytes]]
) -> Refusal | None:
    """Return the refusal of a head, by all checks; most heads do not need them."""
    if version not in {"1.1", "1.0"}:
        return _BAD_VERSION
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1 or (version == "1.1" and not hosts):
        return _NO_HOST
    # An empty Host is valid if the target has no authority.
    if hosts and hosts[0] and not is_host(hosts[0]):
        return _BAD_HOST
    is_path = target.startswith(b"/") or target == b"*" or split_url(target) is not None
    if not is_path or b"#" in target:
        return _BAD_TARGET
    codings = [value for name, value in headers if name == b"transfer-encoding"]
    return _coding_refusal(version, b",".join(codings).split(b",")) if codings else None


@lru_cache(1024)
def is_host(value: bytes) -> bool:
    """Return whether the value of a Host header is a host with an optional port."""
    found = _HOST.fullmatch(value)
    if found is None or len(value) > _MAX_HOST_BYTES:
        return False
    if found[1] is not None:
        try:
            IPv6Address(found[1].decode())
        except AddressValueError:
            return False
    return True


def split_url(target: bytes) -> tuple[bytes, bytes] | None:
    """Return the host and the path of an absolute http URL; None for any other target."""
    found = _ABSOLUTE.fullmatch(target)
    if found is None or not is_host(found[1]):
        return None
    rest = found[2]
    return found[1], rest if rest.startswith(b"/") else b"/" + rest


def _coding_refusal(version: str, codings: Iterable[bytes]) -> Refusal | None:
    """Return the refusal of transfer codings other than `chunked`; None if there are none.

    Servers disagree on where such bodies end, which allows request smuggling.
    """
    *others, last = [coding.strip().lower() for coding in codings]
    if version == "1.0" or last != b"chunked" or b"chunked" in others:
        return INVALID
    if not others:
        return None
    if not all(_TOKEN.fullmatch(coding) for coding in others):
        return INVALID
    named = b", ".join(others).decode()
    detail = f"The transfer coding {named} is not supported: use only chunked"
    return HTTPStatus.NOT_IMPLEMENTED, detail


def encode_refusal(refusal: Refusal, defaults: Iterable[Header], *, is_head: bool) -> bytes:
    """Return the bytes of the response to a refused request, with the server's default headers.

    The response closes the connection.
    """
    status, detail = refusal
    body = json.dumps({"detail": detail}).encode()
    headers = [
        *defaults,
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
    lines += [name + b": " + value for name, value in with_default_headers(headers)]
    return b"\r\n".join([*lines, b"", b"" if is_head else body])
