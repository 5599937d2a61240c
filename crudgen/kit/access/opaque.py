"""The interface of tokens that are not JWTs, because the application has issued them."""

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """The claims, roles and expiry of a valid token of the application."""

    claims: dict[str, Any]
    roles: list[str]
    expires: int
    """When the token expires, in seconds of the epoch."""


class OpaqueTokens(Protocol):
    """The tokens that an application has issued: random texts, which a table describes."""

    async def find(self, token: str) -> IssuedToken | None:
        """Return the content of a token; None if the application issues no tokens of this form.

        Raises Unauthorized if it is not valid.
        """
        ...
