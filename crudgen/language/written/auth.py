"""Models of the key `auth` of crudgen.yaml. Reason to change: another key about callers."""

from typing import Annotated, Any, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from crudgen.language.names import ClassName

from .base import BaseSpec
from .value_types import Flag, Line, Text, describe_value


def _read_users(value: Any) -> bool | str:
    """Return the value of `users`. Raises PydanticCustomError for other values."""
    is_flag = value in ("true", "false")
    if isinstance(value, bool | str) and not is_flag:
        return value
    problem = f"expected true, false or the name of an entity, found {describe_value(value)}"
    remedy = "write 'users: true', or an entity whose rows are the users, such as 'users: User'"
    if is_flag:
        remedy = f"remove the quotes: {value}"
    raise PydanticCustomError("spec", "{problem}", {"problem": problem, "remedy": remedy})


_USERS_SCHEMA = {
    "anyOf": [{"type": "boolean"}, {"type": "string", "pattern": f"^{ClassName.PATTERN.pattern}$"}]
}
Users: TypeAlias = Annotated[bool | str, PlainValidator(_read_users), WithJsonSchema(_USERS_SCHEMA)]


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

    users: Users = Field(
        default=False,
        description="Whether the application has users of its own, who log in with a password."
        " The name of an entity: its rows are the users.",
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
