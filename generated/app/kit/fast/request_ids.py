"""Ids of requests, for those that do not pass the middleware that makes them."""

from random import Random

from ..http.logs import REQUEST_ID

REQUEST_ID_HEADER = REQUEST_ID.lower().encode()
_random = Random()


def new_request_id() -> str:
    """Return a request id like `uuid4().hex`, but faster, because it makes no system call."""
    bits = _random.getrandbits(128) & ~(0xF << 76 | 3 << 62) | 4 << 76 | 2 << 62
    return f"{bits:032x}"
