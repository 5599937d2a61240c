"""Checks defaults such as `me`, of the caller. Reason to change: which fields a claim can fill."""

import re
from collections.abc import Iterable, Iterator

from crudgen.language.access import ANYONE, Action, Auth, Preset
from crudgen.language.conditions.tokens import ConditionError, Token, tokenize
from crudgen.language.names import ModuleName
from crudgen.language.schema import Entity, Field, TypeName
from crudgen.language.types import INT64_MAX, INT64_MIN
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.nodes import YamlValue
from crudgen.language.yaml.problems import Problems

from .condition_caller import CallerNames, claim_fields, list_claim_names

_PRESET = re.compile(r"me(?:\.([a-z][a-z0-9_]{0,59}))?", re.ASCII)
_NO_AUTH = "add 'auth' to crudgen.yaml, such as 'auth: {me: {id: int = sub}}'"
_TEXTS = {TypeName.STR, TypeName.TEXT}


def preset_of(default: YamlValue) -> Preset | None:
    """Return the attribute of the caller that a default names; that of `me` is `id`."""
    found = _PRESET.fullmatch(default) if isinstance(default, str) else None
    return Preset(ModuleName(found[1] or "id")) if found else None


def check_presets(
    entities: Iterable[tuple[WrittenSpec[EntitySpec], Entity]],
    auth: Auth | None,
    problems: Problems,
) -> None:
    """Check the defaults of fields that are attributes of the caller."""
    callers = auth or Auth()
    caller = CallerNames(claim_fields(callers.me), lists=list_claim_names(callers.me), auth=callers)
    for written, entity in entities:
        for field in entity.fields:
            if field.preset is None:
                continue
            location = written.locate("fields", str(field.name), "default")
            text = written.spec.fields[str(field.name)].default
            if auth is None:
                problem = f"the default {text!r} needs a caller, and crudgen.yaml has no 'auth'"
                problems.add(location, problem, _NO_AUTH)
                continue
            try:
                token, name = _tokens_of_me(str(text))
                claim = caller.claim_for(token, name)
            except ConditionError as error:
                place = _part_location(location, error.start, error.end)
                problems.add(place, error.problem, error.remedy)
                continue
            for problem, remedy in (
                *_mismatches(field, claim),
                *_problems_of_callers_without_value(entity, field),
            ):
                problems.add(location, problem, remedy)
                break


def _tokens_of_me(text: str) -> tuple[Token, Token | None]:
    """Return the tokens of `me`, and of the name after it."""
    tokens = tokenize(text)
    return tokens[0], tokens[2] if len(tokens) > 3 else None


def _part_location(location: Location, start: int, end: int) -> Location:
    return location.part(start, end - start) if location.length > start else location


def _mismatches(field: Field, claim: Field) -> Iterator[tuple[str, str]]:
    """Yield why a claim can have values that a field cannot have, and what to do."""
    name, other = str(field.name), str(claim.name)
    if field.type is not claim.type and not {field.type, claim.type} <= _TEXTS:
        problem = f"the type of {name!r} is {field.type}, and that of {other!r} is {claim.type}"
        yield problem, "name a claim of the same type, or change one of the types"
    if claim.optional and not field.optional:
        problem = f"a token may lack {other!r}, and {name!r} cannot be null"
        yield problem, f"add '?' to {name!r}, or remove it from the claim in crudgen.yaml"
    if not {*claim.words} <= {*field.words}:
        missing = next(word for word in claim.words if word not in field.words)
        problem = f"{other!r} can be {missing!r}, which {name!r} cannot be"
        yield problem, f"add it to the values of {name!r}"
    if field.reference is None and _limits_exclude_values(field, claim):
        problem = f"{other!r} can be a value that the limits of {name!r} exclude"
        yield problem, "remove the limits"


def _limits_exclude_values(field: Field, claim: Field) -> bool:
    if field.type is TypeName.INT:
        return (field.minimum, field.maximum) != (INT64_MIN, INT64_MAX)
    if field.type not in _TEXTS:
        return False
    lengths = (field.min_length or 0) <= 1 and (field.max_length or 0) >= (claim.max_length or 0)
    return not lengths or field.pattern is not None


def _problems_of_callers_without_value(entity: Entity, field: Field) -> Iterator[tuple[str, str]]:
    access = entity.access
    if (
        access is not None
        and ANYONE in access.allowed_callers(Action.CREATE)
        and not field.optional
    ):
        problem = f"{ANYONE!r} may create rows, and has no {str(field.preset)!r}"
        yield problem, f"add '?' to {str(field.name)!r}, or let a user or a role create rows"
