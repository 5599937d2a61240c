"""Callers and keys in the arguments of commands. Reason to change: how they are written."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crudgen.errors import ArgumentError

if TYPE_CHECKING:
    from crudgen.delivery.named_callers import NamedCaller
    from crudgen.language.access import Auth, Claim
    from crudgen.language.schema import Entity, Schema

_ROLES = "roles"
_LOGIN = "login"
_KEY = "key"
_STORED = {_LOGIN: f"{_LOGIN}=NAME", _KEY: f"{_KEY}=ID"}
"""How to name a caller who is stored."""
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def parse_key(entity: "Entity", text: str, option: str = "") -> Any:
    """Parse the key of a row. `option` begins the message of an ArgumentError."""
    from crudgen.language.types import INT64_MAX, INT64_MIN  # noqa: PLC0415 -- lazy

    kind = str(entity.key.type)
    if kind == "int":
        is_int = re.fullmatch(r"-?[0-9]{1,19}", text, re.ASCII) is not None
        if not is_int or not INT64_MIN <= int(text) <= INT64_MAX:
            raise ArgumentError(f"{option}the key of {entity.name} is an int, not {text!r}")
        return int(text)
    if kind == "uuid":
        from uuid import UUID  # noqa: PLC0415 -- lazy

        if not _UUID.fullmatch(text):
            raise ArgumentError(f"{option}the key of {entity.name} is a uuid, not {text!r}")
        return UUID(text)
    return text


def named_caller(texts: Sequence[str], schema: "Schema") -> "NamedCaller":
    """Return the caller that texts such as `id=7,roles=editor` name together."""
    from crudgen.delivery.named_callers import NamedCaller  # noqa: PLC0415 -- lazy
    from crudgen.language.access import Auth  # noqa: PLC0415 -- lazy
    from crudgen.language.yaml.problems import suggest  # noqa: PLC0415 -- lazy

    auth = schema.auth or Auth()
    attributes = {str(one.name): one for one in auth.me}
    users = {str(one.name): one for one in schema.entities}.get(str(auth.user_entity))
    stored = _stored_names(attributes, auth)
    claims: dict[str, Any] = {}
    roles: list[str] = []
    login = row = api_key = None
    for name, value in _name_value_pairs(texts):
        if name == _ROLES:
            roles.append(_checked_role(value, auth))
        elif name == _LOGIN and name in stored:
            login = _value_unless_repeated(name, value, login)
        elif name == _KEY and name in stored:
            api_key = _value_unless_repeated(name, _number_of_key(value), api_key)
        elif name == "id" and users is not None:
            row = _value_unless_repeated(name, parse_key(users, value, "--as: "), row)
        elif name in attributes:
            _add_claim(claims, attributes[name], value)
        else:
            allowed = [*attributes, *stored, _ROLES]
            raise ArgumentError(f"--as: a caller has no {name!r}; {suggest(name, allowed)}")
    naming = {_LOGIN: login, _KEY: api_key, "id": row}
    given = [name for name, value in naming.items() if value is not None]
    if len(given) > 1:
        first, second = given[:2]
        raise ArgumentError(f"--as: {first!r} and {second!r} both name the caller: remove one")
    if not given:
        _check_complete(claims, attributes, auth)
    return NamedCaller(claims, tuple(roles), login, row, api_key)


def _stored_names(attributes: "Mapping[str, Claim]", auth: "Auth") -> list[str]:
    """Return the names that refer to a stored caller. An attribute of that name comes first."""
    is_enabled = {_LOGIN: auth.users, _KEY: auth.keys}
    return [name for name in _STORED if is_enabled[name] and name not in attributes]


def _check_complete(
    claims: Mapping[str, Any], attributes: "Mapping[str, Claim]", auth: "Auth"
) -> None:
    """Raise ArgumentError if a caller who is not stored lacks an attribute."""
    for name, one in attributes.items():
        if not one.optional and one.claim not in claims:
            also = "".join(f", or {_STORED[how]}" for how in _stored_names(attributes, auth))
            raise ArgumentError(f"--as lacks {name!r}: write {name}=VALUE{also}")


def _number_of_key(text: str) -> int:
    """Parse the number of an API key. The key itself is a secret, which no argument contains."""
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text, re.ASCII):
        raise ArgumentError("--as: 'key' is the number of an API key; see: crudgen key list")
    return int(text)


def _name_value_pairs(texts: Sequence[str]) -> "list[tuple[str, str]]":
    found = []
    for part in filter(None, (one.strip() for text in texts for one in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals:
            raise ArgumentError(f"--as: {part!r} should be NAME=VALUE, such as id=7")
        found.append((name, value))
    return found


def _checked_role(value: str, auth: "Auth") -> str:
    from crudgen.language.yaml.problems import suggest  # noqa: PLC0415 -- lazy

    if value not in auth.roles:
        raise ArgumentError(f"--as: unknown role {value!r}; {suggest(value, auth.roles)}")
    return value


def _add_claim(claims: dict[str, Any], one: "Claim", value: str) -> None:
    found: Any = value
    if str(one.type) == "bool":
        found = {"true": True, "false": False}.get(value, value)
    if one.many:
        claims[one.claim] = [*claims.get(one.claim, ()), found]
    else:
        claims[one.claim] = _value_unless_repeated(str(one.name), found, claims.get(one.claim))


def _value_unless_repeated(name: str, value: Any, before: Any) -> Any:
    if before is not None:
        raise ArgumentError(f"--as: {name!r} has two values: remove one")
    return value
