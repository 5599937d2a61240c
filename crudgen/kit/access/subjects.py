"""Checks the arguments of commands about users and API keys: names, roles and attributes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, get_args, get_origin

from fastapi import HTTPException

from .caller import BaseCaller

_UNSET = {"subject", "issuer", "roles", "name"}
"""Attributes of callers that no command sets."""
_FLAGS = (bool, bool | None)


class AccountError(Exception):
    """A user or a key cannot be added or changed. The message says why, and what to do."""


def check_name(what: str, name: str, longest: int) -> None:
    """Raise AccountError if a text cannot be the name of a user or a key."""
    if not (0 < len(name) <= longest and name.isprintable() and name == name.strip()):
        rule = f"1 to {longest} printable characters, without spaces at the ends"
        raise AccountError(f"invalid {what} {name!r}\n  a name has {rule}")


def valid_roles(caller: type[BaseCaller], roles: Sequence[str]) -> list[str]:
    """Return the roles sorted, without duplicates. Raises AccountError for an unknown one."""
    known = caller.__roles__
    for one in roles:
        if one not in known:
            listed = ", ".join(known) or "none"
            raise AccountError(f"unknown role {one!r}\n  roles of 'auth' in the spec: {listed}")
    return sorted({*roles})


def parse_claims(caller: type[BaseCaller], me: Sequence[str]) -> dict[str, str | bool]:
    """Return the claims that `name=value` texts set. Raises AccountError for other texts."""
    fields = caller.model_fields
    claims = {name: _claim_name(caller, name) for name in fields if name not in _UNSET}
    found: dict[str, str | bool] = {}
    for one in me:
        name, separator, value = one.partition("=")
        if not separator or name not in claims:
            listed = ", ".join(claims) or "none"
            raise AccountError(
                f"cannot set {one!r}\n  write NAME=VALUE; attributes that can be set: {listed}"
            )
        is_flag = value in {"true", "false"} and plain_type(fields[name].annotation) in _FLAGS
        found[claims[name]] = value == "true" if is_flag else value
    return found


def check_caller(caller: type[BaseCaller], claims: Mapping[str, Any], roles: Sequence[str]) -> None:
    """Raise AccountError if requests with these claims would get 401."""
    try:
        caller.from_claims({**claims, caller.__roles_claim__: roles})
    except HTTPException as error:
        reason = str(error.detail).replace("The token", "The caller")
        raise AccountError(f"{reason}\n  give it with --me NAME=VALUE") from None


def plain_type(annotation: Any) -> Any:
    """Return a type without its `Annotated` validators."""
    if get_origin(annotation) is Annotated:
        return get_args(annotation)[0]
    if type(None) in get_args(annotation):
        (inner,) = (one for one in get_args(annotation) if one is not type(None))
        return plain_type(inner) | None
    return annotation


def time_text(seconds: int) -> str:
    """Return a time in ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _claim_name(caller: type[BaseCaller], name: str) -> str:
    """Return the name of the claim that is an attribute of callers."""
    alias: Any = caller.model_fields[name].validation_alias
    return str(alias.choices[0])
