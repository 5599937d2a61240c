"""Resolves the key `auth` of crudgen.yaml. Reason to change: what callers have."""

import re
from collections.abc import Iterator
from dataclasses import replace
from keyword import iskeyword

from crudgen.language.access import (
    CALLER_ATTRIBUTES,
    CLAIMS_OF_USERS,
    LIST_TYPES,
    REGISTERED_CLAIMS,
    RESERVED_ROLES,
    Auth,
    Claim,
    ClaimType,
    Tokens,
)
from crudgen.language.names import ModuleName
from crudgen.language.reserved import LIBRARY_ATTRIBUTES
from crudgen.language.written.app import AppSpec
from crudgen.language.written.auth import AuthSpec
from crudgen.language.written.expansion import expand
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.nodes import Mapping, Scalar, node_value
from crudgen.language.yaml.problems import Problems, quoted, suggest

_LIST = re.compile(r" *list *\( *(\w+) *\)(.*)")
"""A claim that is a list: the type of its items, and the rest."""
_CLAIM_KEYS = {"type", "optional", "default", "values"}
_URL = re.compile(r"https?://[^\s/?#]+[^\s#]*")


def resolve_auth(written: WrittenSpec[AppSpec], problems: Problems) -> Auth | None:
    """Return who the callers are; None if the spec has no `auth`, or errors in it."""
    spec = written.spec.auth
    if spec is None:
        if written.spec.is_set("auth"):
            remedy = "write 'auth: {}' for tokens that AUTH_SECRET signs, or remove it"
            problems.add(written.locate("auth"), "'auth' is empty", remedy)
        return None
    before = len(problems)
    if spec.roles_claim in REGISTERED_CLAIMS:
        problem = f"'roles_claim' cannot be {spec.roles_claim!r}"
        problems.add(
            written.locate("auth", "roles_claim"), problem, "such as 'roles_claim: groups'"
        )
    auth = Auth(
        users=bool(spec.users),
        user_entity=_entity_of_users(written, problems),
        keys=spec.keys,
        tokens=_resolve_tokens(written, problems),
        me=(*_undeclared_claims(spec), *_resolve_claims(written, problems)),
        roles=tuple(_resolve_roles(written, problems)),
        roles_claim=spec.roles_claim,
    )
    return auth if len(problems) == before else None


def _undeclared_claims(spec: AuthSpec) -> Iterator[Claim]:
    """Yield the attributes of users that need no declaration in `me`: `id` and `name`.

    With `tokens`, there is no `id`: `sub` of an identity provider need not be an integer.
    """
    for one in CLAIMS_OF_USERS if spec.users is True else ():
        if one.name not in spec.me and (one.optional or spec.tokens is None):
            yield one


def _entity_of_users(written: WrittenSpec[AppSpec], problems: Problems) -> str | None:
    """Return the entity whose rows are the users; add a problem for keys that it excludes."""
    spec = written.spec.auth
    if spec is None or isinstance(spec.users, bool):
        return None
    name = spec.users
    if spec.tokens is not None:
        problem = f"'tokens' together with 'users: {name}': callers of a provider have no row"
        remedy = "remove 'tokens'; or write 'users: true', and what tokens contain in 'me'"
        problems.add(written.locate_key("auth", "tokens"), problem, remedy)
    if spec.me:
        problem = f"'me' together with 'users: {name}': a caller has the fields of {name}"
        remedy = f"remove 'me', and add the fields to {name}"
        problems.add(written.locate_key("auth", "me"), problem, remedy)
    return name


def _resolve_tokens(written: WrittenSpec[AppSpec], problems: Problems) -> Tokens | None:
    spec = None if written.spec.auth is None else written.spec.auth.tokens
    if spec is None:
        return None
    if spec.jwks is not None and not _URL.fullmatch(spec.jwks):
        location = written.locate("auth", "tokens", "jwks")
        problems.add(
            location, f"invalid URL {quoted(spec.jwks)}", "such as https://id.example/keys"
        )
    return Tokens(spec.issuer, spec.audience, spec.jwks)


def _resolve_roles(written: WrittenSpec[AppSpec], problems: Problems) -> Iterator[ModuleName]:
    roles = written.spec.auth.roles if written.spec.auth else []
    for position, role in enumerate(roles):
        location = written.locate("auth", "roles", position)
        if role in RESERVED_ROLES:
            problems.add(location, f"{role!r} is a reserved word of rules", "choose another name")
        elif role in roles[:position]:
            problems.add(location, f"duplicate role {quoted(role)}", "remove one of them")
        elif not ModuleName.PATTERN.fullmatch(role):
            rule = "1 to 60 characters of a-z, 0-9 and '_', and starts with a letter"
            problems.add(location, f"invalid role {quoted(role)}", f"a role has {rule}")
        else:
            yield ModuleName(role)


def _resolve_claims(written: WrittenSpec[AppSpec], problems: Problems) -> Iterator[Claim]:
    for name, text in (written.spec.auth.me if written.spec.auth else {}).items():
        key = written.locate_key("auth", "me", name)
        if iskeyword(name):
            problems.add(key, f"{name!r} is a keyword of Python", "choose another name")
        elif not ModuleName.PATTERN.fullmatch(name):
            rule = "1 to 60 characters of a-z, 0-9 and '_', and starts with a letter"
            problems.add(key, f"invalid name {quoted(name)}", f"a name has {rule}")
        elif name in CALLER_ATTRIBUTES or name in LIBRARY_ATTRIBUTES or name.startswith("model_"):
            problems.add(key, f"every caller has {name!r} already", "choose another name")
        else:
            place = written.locate("auth", "me", name)
            item = _LIST.fullmatch(text)
            if text.lstrip().startswith("list") and (not item or item[1] not in LIST_TYPES):
                remedy = f"write {name}: list(int), list(str) or list(uuid)"
                problems.add(place, "a list has items of one type", remedy)
                continue
            short = Scalar(place, f"{item[1]}{item[2]}" if item else text)
            long = expand(name, short, problems)
            found = None if long is None else _resolve_claim(name, long, problems)
            if found and item:
                found = _list_claim(found, written, key, problems)
            if found and _is_possible_claim(found, written, key, problems):
                yield found


def _list_claim(
    one: Claim, written: WrittenSpec[AppSpec], key: Location, problems: Problems
) -> Claim | None:
    """Return a claim that is a list; None, with a problem, if it cannot be one."""
    spec = written.spec.auth
    if one.claim in REGISTERED_CLAIMS:
        problem = f"the claim {one.claim!r} cannot be a list"
        problems.add(key, problem, "such as 'list(int) = teams'")
        return None
    if spec is not None and (spec.users or spec.keys) and not one.optional:
        problem = f"{str(one.name)!r} is a list, which users and API keys do not have"
        problems.add(key, problem, "add '?' to the type, as in 'list(int)?'")
        return None
    return replace(one, many=True)


def _is_possible_claim(
    one: Claim, written: WrittenSpec[AppSpec], key: Location, problems: Problems
) -> bool:
    """Return whether tokens can have a claim with these values; adds a problem if not."""
    spec = written.spec.auth
    if spec is not None and one.claim == spec.roles_claim:
        problems.add(key, f"the claim {one.claim!r} has the roles", "use 'roles' of the caller")
        return False
    repeated = [word for n, word in enumerate(one.words) if word in one.words[:n]]
    if repeated:
        problems.add(key, f"duplicate value {quoted(repeated[0])}", "remove one of them")
        return False
    types = REGISTERED_CLAIMS.get(one.claim)
    if types is None or one.type in types:
        return True
    if types:
        problem = f"the claim {one.claim!r} cannot have the type {str(one.type)!r}"
        problems.add(key, problem, suggest("", types))
    elif one.claim == "iss":
        problems.add(key, "every caller has the claim 'iss' already", "use 'issuer' of the caller")
    else:
        problem = f"the claim {one.claim!r} only says whether a token is valid"
        problems.add(key, problem, "remove it, or name another claim")
    return False


def _resolve_claim(name: str, long: Mapping, problems: Problems) -> Claim | None:
    values = {entry.key: node_value(entry.value) for entry in long.entries}
    for entry in long.entries:
        if entry.key not in _CLAIM_KEYS:
            problem = f"{entry.key!r} does not apply to claims"
            problems.add(
                entry.location, problem, "write a type, '?' and a claim, such as 'str? = org'"
            )
            return None
    if values["type"] not in ClaimType.__members__.values():
        location = next(one.value.location for one in long.entries if one.key == "type")
        problem = f"a claim cannot have the type {quoted(values['type'])}"
        problems.add(location, problem, suggest("", ClaimType))
        return None
    claim = values.get("default", name)
    if not isinstance(claim, str) or not claim:
        location = next(one.value.location for one in long.entries if one.key == "default")
        problems.add(location, "expected the name of a claim", "such as 'int = sub'")
        return None
    words = values.get("values")
    return Claim(
        name=ModuleName(name),
        claim=claim,
        type=ClaimType(str(values["type"])),
        optional=bool(values.get("optional", False)),
        words=tuple(map(str, words)) if isinstance(words, list) else (),
    )
