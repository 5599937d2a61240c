"""The HTTP errors of authentication and authorization."""

import re
from collections.abc import Sequence

from fastapi import HTTPException

from ..errors import RETRY_AFTER_SECONDS, problem

SCHEME = "Bearer"
_NOT_QUOTED = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")
"""Characters that `error_description` must not contain (RFC 6750)."""


class Unauthorized(HTTPException):
    """401: no credentials, or invalid ones. The header WWW-Authenticate is that of RFC 6750."""

    def __init__(self, reason: str = "", *, needed_for: str | int = "") -> None:
        if reason:
            text = _NOT_QUOTED.sub("?", reason)
            challenge = f'{SCHEME} error="invalid_token", error_description="{text}"'
        else:
            challenge = SCHEME
        needed = f", which `{needed_for}` needs" if needed_for else ""
        detail = reason or f"A bearer token is missing{needed}: send the header Authorization"
        super().__init__(401, detail, {"WWW-Authenticate": challenge})


class Forbidden(HTTPException):
    """403: the caller is known, and may not do this. `loc` is the part that needs permission."""

    def __init__(self, message: str, loc: Sequence[str | int] = ()) -> None:
        super().__init__(403, [problem("forbidden", loc, message)])


class KeysUnavailable(HTTPException):
    """503: the keys of the identity provider cannot be fetched now."""

    def __init__(self) -> None:
        message = "The keys of the identity provider cannot be fetched, try again"
        super().__init__(503, message, {"Retry-After": str(RETRY_AFTER_SECONDS)})
