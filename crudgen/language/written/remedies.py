"""Remedies for missing keys, and for values of the wrong type. Reason to change: a remedy."""

import re
from typing import Any

from crudgen.language.schema import TypeName

from . import spellings
from .auth import AuthSpec, TokensSpec
from .base import BaseSpec
from .examples import example_remedy
from .limits_and_names import LimitsSpec, NamesSpec
from .reference_spellings import entity_of_list
from .relations import LinkSpec, ReferenceSpec
from .shorthand import WORD
from .spec import ApiSpec, EntitySpec, FieldSpec, PageSpec
from .translation import list_of_rows_remedy

MODELS: dict[str, type[BaseSpec]] = {
    "api": ApiSpec,
    "page": PageSpec,
    "limits": LimitsSpec,
    "names": NamesSpec,
    "auth": AuthSpec,
    "tokens": TokensSpec,
}
"""The models of the keys that are maps."""
_FORMER: dict[type[BaseSpec], str] = {
    EntitySpec: "was: person",
    FieldSpec: "was: former_name",
    ReferenceSpec: "was: former_name",
    LinkSpec: "was: skills",
}
"""A former name in each model."""
_FORMER_MAPS: dict[type[BaseSpec], str] = {
    EntitySpec: "write 'was' at each field, such as 'title: str was(name)'",
    FieldSpec: "for the values of an enum, write 'renamed: {angry: furious}'",
}
"""What to write instead of a map from former names."""


def missing_remedy(key: str) -> str:
    """Return the remedy for a required key that is missing."""
    return {
        "name": "write a name, such as 'name: Hero'",
        "fields": "write fields, such as 'fields: {name: str}'",
        "type": "write a type, such as 'type: str'",
        "to": "write an entity, such as 'to: Team'",
        "rule": "write a condition, such as 'rule: starts_at < ends_at'",
        "issuer": "write the claim 'iss' of the tokens, such as 'issuer: https://id.example'",
        "events": "write what is sent, such as 'events: [Hero.created]'",
        "audience": "write the claim 'aud' of the tokens, such as 'audience: heroes'",
    }.get(key, "")


def former_name_remedy(model: type[BaseSpec], key: str, value: Any) -> str:
    """Return the remedy for an unknown key that means `was`, such as `renamed_from`; else ""."""
    example = _FORMER.get(model)
    if example is None or not spellings.FORMER_KEYS.fullmatch(key):
        return ""
    if isinstance(value, dict):
        return _FORMER_MAPS.get(model, f"write '{example}'")
    words = value if isinstance(value, list) else [value]
    if words and all(isinstance(word, str) and re.fullmatch(r"\w{1,63}", word) for word in words):
        listed = ", ".join(words)
        return f"write 'was: {listed}'" if len(words) == 1 else f"write 'was: [{listed}]'"
    is_typo = "renamed" in model.allowed_keys() and key.lower() in ("rename", "renamed", "renames")
    return "" if is_typo else f"write '{example}'"


def wrong_type_remedy(path: tuple[str | int, ...], value: Any, *, needs_list: bool) -> str:
    """Return the remedy for a value of the wrong type, such as a string instead of a list."""
    key = str(path[0])
    if key == "fields" and (len(path) <= 2 or path[2] == "renamed"):
        return _field_remedy(path[1:], value)
    if key == "check":
        return _check_remedy(path, value)
    if key == "links" and len(path) == 2 and _is_one_name(value):
        return f"such as '{path[1]}: {value[0]}'"
    if str(path[-1]) in MODELS:
        return f"allowed keys: {', '.join(MODELS[str(path[-1])].allowed_keys())}"
    is_word = isinstance(value, str) and value.isprintable() and 0 < len(value) <= 60
    if key in ("unique", "index") and not (is_word and "," in value and len(path) > 1):
        return f"a list of lists, such as [[a, b]]; for one field, use its flag '{key}'"
    is_item = needs_list and is_word and value != "all"
    return f"write [{value}]" if is_item else example_remedy(path)


def _is_one_name(value: Any) -> bool:
    """Return whether a value is a list with one name."""
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], str)


def _check_remedy(path: tuple[str | int, ...], value: Any) -> str:
    """Return the remedy for the value of `check`, or of one of its items."""
    is_condition = isinstance(value, str) and value.isprintable() and 0 < len(value) <= 60
    condition = value if is_condition and len(path) == 1 else "starts_at < ends_at"
    return f"such as 'check: [{condition}]'"


def _field_remedy(path: tuple[str | int, ...], value: Any) -> str:
    """Return the remedy for the value at a path in `fields`."""
    if not path:
        return _fields_remedy(value)
    if len(path) > 1:
        is_name = isinstance(value, str) and re.fullmatch(r"\w{1,63}", value)
        former = f"; for a former name of the field, write 'was: {value}'" if is_name else ""
        return f"such as 'renamed: {{angry: furious}}'{former}"
    name = str(path[0])
    words = value if isinstance(value, list) else []
    if len(words) == 1 and entity_of_list(f"list[{words[0]}]"):
        return list_of_rows_remedy(name, words[0], "")
    if len(words) == 1 and words[0] in TypeName.__members__.values():
        return f"write '{name}: json'"
    if words and all(isinstance(word, str) and re.fullmatch(WORD, word) for word in words[:20]):
        return f"write '{name}: enum({', '.join(words[:20])})'"
    return "such as 'str(1..80)'"


def _fields_remedy(value: Any) -> str:
    if isinstance(value, str) and (field := re.fullmatch(r"(\w{1,60}):([^\s:]{1,60})", value)):
        return f"write '{field[1]}: {field[2]}', with a space"
    if isinstance(value, list):
        return "write one field per line, without '-': 'name: str'"
    return missing_remedy("fields")
