"""The rate limit: how many requests a caller, or an address without one, may send in a period."""

import time
from collections.abc import Callable
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from math import ceil
from typing import Any

from starlette.datastructures import State
from starlette.types import Scope

from ..errors import errors
from ..limits import LimitExceeded, Rate

MAX_KEYS = 100_000
"""Most callers and addresses that are remembered."""
UNLIMITED = frozenset({"/live", "/ready"})
"""Paths of health checks."""
_AUTHORIZATION = b"authorization"
_NETWORK_BITS = 64
"""An address of IPv6 counts as its network: a client can have all addresses of it."""


class RateLimiter:
    """Counts requests in one process.

    After a pause of a period, a caller may send all requests of it at once; after that, one
    whenever its share of the period has passed (generic cell rate algorithm). So there is one
    number for each caller: when the requests so far would have ended, at an even pace.
    """

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._share = rate.seconds / rate.requests
        self._ends: dict[str, float] = {}

    def exceeded(self, scope: Scope, path: str, state: State) -> LimitExceeded | None:
        """Return the error for a request that exceeds the limit, else count it and return None.

        A token that is not verified yet counts for the address.
        """
        if path in UNLIMITED:
            return None
        key = _key(scope, getattr(state, "identify", None))
        now, ends = time.monotonic(), self._ends
        end = max(ends.pop(key, now), now)
        wait = end + self._share - now - self._rate.seconds
        if wait > 0:
            ends[key] = end
            seconds = max(1, ceil(wait))
            message = f"At most {self._rate} are allowed: try again in {seconds} s"
            return LimitExceeded(429, message, {"Retry-After": str(seconds)})
        if len(ends) >= MAX_KEYS:
            del ends[next(iter(ends))]
        ends[key] = end + self._share
        return None


def describe_rate_limit(document: dict[str, Any]) -> None:
    """Add the response 429 to the operations of an OpenAPI document."""
    described = errors(429)[429]
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Message"}}}
    response = {
        "description": described["description"],
        "headers": described["headers"],
        "content": content,
    }
    for path, operations in document.get("paths", {}).items():
        for operation in operations.values() if path not in UNLIMITED else ():
            operation["responses"].setdefault("429", response)


def _key(scope: Scope, identify: Callable[[bytes], str | None] | None) -> str:
    """Return what tells a caller, or an address, from others."""
    if identify is not None:
        for name, value in scope["headers"]:
            if name == _AUTHORIZATION:
                if (caller := identify(value)) is not None:
                    return caller
                break
    client = scope.get("client")
    return _network(client[0]) if client else ""


@lru_cache(maxsize=10_000)
def _network(address: str) -> str:
    """Return an address of IPv4, or the network of one of IPv6."""
    try:
        number = int(IPv6Address(address.partition("%")[0]))
    except AddressValueError:
        return address
    mapped = IPv6Address(number).ipv4_mapped
    return str(mapped) if mapped else f"{number >> _NETWORK_BITS:x}::"
