"""Who makes a request: the claims of a token, with their types."""

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
)

from ..models import MAX_INT, MIN_INT
from ..types.text import NO_NUL, nfc
from .errors import Unauthorized

_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_COUNTED = "\0roles"
"""The key under which the known roles are added to the claims. No token has this claim."""
MAX_TEXT = 255
"""Longest text in a claim."""
PARAMETER = "_me__"
"""The start of the names of parameters with a caller's attributes. No attribute starts with `_`."""


def claim(name: str, **options: Any) -> Any:
    """Declare an attribute of callers that is a claim of their tokens.

    `realm.org` is the claim of this name, or else the property `org` of the claim `realm`.
    """
    return Field(validation_alias=claim_locations(name), **options)


def claim_locations(name: str) -> AliasChoices:
    """Return where a claim is read: under its name, or nested by the parts between dots."""
    return AliasChoices(name, AliasPath(*name.split(".")))


def _parse_integer(value: Any) -> Any:
    """Convert a text of digits to an integer: the claim `sub` is always a text."""
    if isinstance(value, str) and len(value) < 21 and _INTEGER.fullmatch(value):
        return int(value)
    return value


def _parse_uuid(value: Any) -> Any:
    """Convert a text in the usual form of a UUID: the class alone accepts other forms too."""
    if isinstance(value, str) and _UUID.fullmatch(value):
        return UUID(value)
    return value


def _normalize_text(value: Any) -> Any:
    """Normalize a text to Unicode form C, as values of request bodies are normalized."""
    return nfc(value) if isinstance(value, str) else value


_Subject = Annotated[str, Strict(), Field(min_length=1, max_length=MAX_TEXT, pattern=NO_NUL)]
"""A subject, not normalized: for the issuer, two forms of a text are two users."""
TextClaim = Annotated[_Subject, BeforeValidator(_normalize_text)]
IntClaim = Annotated[int, Strict(), BeforeValidator(_parse_integer), Field(ge=MIN_INT, le=MAX_INT)]
UuidClaim = Annotated[UUID, Strict(), BeforeValidator(_parse_uuid)]
FlagClaim = Annotated[bool, Strict()]


class BaseCaller(BaseModel):
    """Who makes a request. Subclasses declare the claims that the application uses.

    `__roles__` are the roles that count; `__roles_claim__` is the claim with the roles of a caller.
    `__login__` is the path where users log in, relative to the server in the OpenAPI document.
    `__shown__` are the attributes that `GET /me` returns, beside the roles; None means all but the
    issuer.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    __roles__: ClassVar[tuple[str, ...]] = ()
    __roles_claim__: ClassVar[str] = "roles"
    __login__: ClassVar[str | None] = None
    __shown__: ClassVar[tuple[str, ...] | None] = None

    subject: _Subject = claim("sub")
    """The claim `sub`: the issuer's identifier of the caller."""
    issuer: Annotated[str, Field(pattern=NO_NUL)] = claim("iss", default="")
    """The claim `iss`: who issued the token."""
    roles: frozenset[str] = Field(
        default=frozenset(), validation_alias=AliasChoices(_COUNTED, "roles")
    )
    """The roles of the caller, without those that the spec does not have."""

    @cached_property
    def bound_values(self) -> Mapping[str, Any]:
        """The attributes as values of the parameters in conditions; see `me.bound`."""
        return {f"{PARAMETER}{name}": getattr(self, name) for name in type(self).model_fields}

    @property
    def identity(self) -> str:
        """A text that is different for each caller."""
        return json.dumps([self.issuer, self.subject])

    @classmethod
    def from_claims(cls, claims: dict[str, Any]) -> "BaseCaller":
        """Return the caller of a verified token; raise Unauthorized if a claim is invalid."""
        roles = _roles_in_claim(_find_claim(claims, cls.__roles_claim__), cls.__roles_claim__)
        counted = roles.intersection(cls.__roles__)
        try:
            caller = cls.model_validate({**claims, _COUNTED: counted})
        except ValidationError as error:
            raise Unauthorized(_invalid_claims_reason(error)) from None
        if caller._has_normalized_subject():
            raise Unauthorized("The claim sub of the token should be normalized (NFC)")
        return caller

    def _has_normalized_subject(self) -> bool:
        """Return whether an attribute has a normalized subject, which may be another caller's."""
        names = (
            name
            for name, field in type(self).model_fields.items()
            if field.validation_alias == claim_locations("sub")
        )
        values = (getattr(self, name) for name in names)
        return any(isinstance(value, str) and value != self.subject for value in values)


def _find_claim(claims: dict[str, Any], name: str) -> Any:
    """Return a claim, or else the nested property that a dotted name leads to."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _roles_in_claim(value: Any, name: str) -> set[str]:
    """Return the roles in a claim: a list, or words with spaces between them."""
    if value is None:
        return set()
    if isinstance(value, str):
        return set(value.split())
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return set(value)
    raise Unauthorized(f"The claim {name} of the token should be a list of texts")


def _invalid_claims_reason(error: ValidationError) -> str:
    """Return which claims are missing or invalid."""
    problems = error.errors(include_url=False, include_input=False)
    claims = {".".join(map(str, one["loc"])): one["type"] for one in problems}
    missing = [name for name, kind in claims.items() if kind == "missing"]
    if missing:
        return f"The token lacks what this API asks of a caller: {', '.join(missing)}"
    return f"The token has a claim with an invalid value: {', '.join(claims)}"
