"""The remedy for a misspelled key of any map is the correct key."""

import json
from typing import Any

import pytest

from crudgen.errors import SpecError
from crudgen.language import load_texts
from crudgen.language.written.app import AppSpec
from crudgen.language.written.base import BaseSpec
from crudgen.language.written.limits_and_names import LimitsSpec, NamesSpec
from crudgen.language.written.relations import LinkSpec, ReferenceSpec
from crudgen.language.written.spec import (
    ApiSpec,
    CheckSpec,
    EntitySpec,
    FieldSpec,
    PageSpec,
)

HERO: dict[str, Any] = {"name": "Hero", "fields": {"name": "str"}}
MAPS: dict[type[BaseSpec], dict[str, Any]] = {
    EntitySpec: HERO,
    FieldSpec: {**HERO, "fields": {"name": {"type": "str"}}},
    ReferenceSpec: {**HERO, "fields": {"name": {"type": "reference", "to": "Hero"}}},
    LinkSpec: {**HERO, "links": {"name": {"to": "Hero"}}},
    ApiSpec: {**HERO, "api": {}},
    CheckSpec: {**HERO, "check": [{"rule": "name != 'x'"}]},
    PageSpec: {**HERO, "api": {"page": {}}},
    AppSpec: {"title": "Heroes"},
    LimitsSpec: {"title": "Heroes", "limits": {}},
    NamesSpec: {"title": "Heroes", "names": {}},
}
PLACES: dict[type[BaseSpec], tuple[str | int, ...]] = {
    FieldSpec: ("fields", "name"),
    ReferenceSpec: ("fields", "name"),
    LinkSpec: ("links", "name"),
    ApiSpec: ("api",),
    CheckSpec: ("check", 0),
    PageSpec: ("api", "page"),
    NamesSpec: ("names",),
    LimitsSpec: ("limits",),
}
KEYS = [(model, key) for model in MAPS for key in model.allowed_keys()]


def typos(key: str) -> list[str]:
    """Return misspellings: a letter too few or too many, capitals, two letters swapped."""
    swapped = [key[:-2] + key[-1] + key[-2]] if len(key) > 2 else []
    return [key[:-1], f"{key}x", key.upper(), *swapped]


@pytest.mark.parametrize(
    ("model", "key"), KEYS, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_typo_of_a_key_is_recognized(model: type[BaseSpec], key: str) -> None:
    for typo in typos(key):
        if typo not in model.allowed_keys():
            assert remedy(model, typo) == f"did you mean '{key}'?", typo


def remedy(model: type[BaseSpec], key: str) -> str:
    """Return the remedy for an unknown key in a map of the spec."""
    spec = json.loads(json.dumps(MAPS[model]))
    place = spec
    for step in PLACES.get(model, ()):
        place = place[step]
    place[key] = 1
    entity, app = (HERO, spec) if model in {AppSpec, LimitsSpec, NamesSpec} else (spec, None)
    with pytest.raises(SpecError) as caught:
        load_texts({"hero.yaml": json.dumps(entity)}, app and json.dumps(app))
    [found] = [one for one in caught.value.diagnostics if one.problem == f"unknown key '{key}'"]
    return found.remedy
