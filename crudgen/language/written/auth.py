"""Models of the key `auth` of crudgen.yaml. Reason to change: another key about callers."""

from pydantic import Field

from .base import BaseSpec
from .kinds import Flag, Line, Text


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

    users: Flag = Field(
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
