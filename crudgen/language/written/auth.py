"""Models of the key `auth` of crudgen.yaml. Reason to change: another key about callers."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from .base import BaseSpec
from .kinds import Flag, Line, Text, describe


def _no_entity(value: Any) -> Any:
    """Return the value of `users`; raise PydanticCustomError if it is the name of an entity."""
    if not isinstance(value, str):
        return value
    remedy = "write 'users: true', and add users by 'crudgen user add'"
    context = {"problem": f"expected true or false, found {describe(value)}", "remedy": remedy}
    raise PydanticCustomError("spec", "{problem}", context)


class TokensSpec(BaseSpec):
    """Which bearer tokens are valid."""

    issuer: Line = Field(
        description="The claim 'iss' of tokens. For OIDC discovery, the URL of the provider."
    )
    audience: Line = Field(description="The claim 'aud' of tokens, which names this API.")
    jwks: Line | None = Field(
        default=None, description="URL of the keys (JWKS); by default that of OIDC discovery."
    )


class AuthSpec(BaseSpec):
    """Who the callers of the API are."""

    users: Annotated[Flag, BeforeValidator(_no_entity)] = Field(
        default=False,
        description="Whether the application has users of its own, who log in with a password.",
    )
    keys: Flag = Field(
        default=False,
        description="Whether programs can have API keys, which 'crudgen key' adds.",
    )
    tokens: TokensSpec | None = Field(
        default=None,
        description="Tokens of an identity provider. By default, tokens are signed with"
        " AUTH_SECRET (HS256).",
    )
    me: dict[str, Text] = Field(
        default={},
        description="Attributes of a caller, each with a type and a claim, such as 'int = sub'.",
    )
    roles: list[Text] = Field(
        default=[],
        description="Roles that 'access' can name; other roles of a token are ignored.",
    )
    roles_claim: Line = Field(default="roles", description="The claim with the roles.")
