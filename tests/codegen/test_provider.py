"""`clients/provider.ts` is emitted on request, and contains what the spec says of each entity."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given

from crudgen.codegen import render
from crudgen.codegen.code import typescript
from crudgen.language import load_texts
from crudgen.language.artifacts import Artifact
from crudgen.language.schema import Json, Schema
from tests.codegen.hostile import TEXTS

PATH = "clients/provider.ts"
SCHEMA = load_texts(
    {
        "note.yaml": """
            name: Note
            fields: {text: str}
            api:
              operations: [list, create, read, create_many]
              page: {default: 20, max: 40}
              filter: [text]
            """,
        "shelf.yaml": """
            name: Shelf
            plural: shelves
            path: /v1/shelves
            fields: {code: str pk json(shelfCode), width: int}
            api: {etag: required}
            """,
    }
)
SURROGATE = re.compile("[\ud800-\udfff]")
"""YAML has no surrogates, and JSON joins two to one character."""
RESOURCE = re.compile(
    r'^  \[\n    ("\w+"),\n    \{\n((?:      .*\n)*)    \},\n  \],\n', re.MULTILINE
)


def resources(schema: Schema) -> dict[str, dict[str, Any]]:
    """Parse the literals of the resources: each property is on a line of its own."""
    text = render(replace(schema, emit=(Artifact.PROVIDER,)))[PATH]
    found = {}
    for name, lines in RESOURCE.findall(text):
        pairs = [line.strip().rstrip(",").split(": ", 1) for line in lines.splitlines()]
        found[json.loads(name)] = {key: json.loads(value) for key, value in pairs}
    return found


def test_the_provider_is_emitted_on_request_only() -> None:
    usual = render(SCHEMA)
    more = render(replace(SCHEMA, emit=(Artifact.PROVIDER,)))
    assert {*more} - {*usual} == {PATH}
    assert {path: more[path] for path in usual} == dict(usual)


def test_a_resource_is_what_the_spec_says() -> None:
    assert resources(SCHEMA) == {
        "notes": {
            "path": "/notes/",
            "key": "id",
            "hasNumericKey": True,
            "filtersByKey": False,
            "requiresEtag": False,
            "pageSize": 40,
            "operations": ["create", "list", "read", "create_many"],
        },
        "shelves": {
            "path": "/v1/shelves/",
            "key": "shelfCode",
            "hasNumericKey": False,
            "filtersByKey": True,
            "requiresEtag": True,
            "pageSize": 100,
            "operations": ["create", "list", "read", "update", "delete"],
        },
    }


def test_a_resource_has_its_relations() -> None:
    schema = load_texts(
        {
            "team.yaml": """
                name: Team
                fields: {name: str}
                api: {counts: [heroes], nested: [heroes], write: {heroes: create}}
                """,
            "hero.yaml": "name: Hero\nfields: {name: str, team_id: -> Team}",
        }
    )
    text = render(replace(schema, emit=(Artifact.PROVIDER,)))[PATH]
    assert 'lists: {"teams/heroes": "/teams/{id}/heroes/"},' in text
    assert 'added: ["heroes", "heroes_more", "heroes_count"],' in text
    assert text.count('created: ["heroes"],') == 1
    assert "relations: {" not in render(replace(SCHEMA, emit=(Artifact.PROVIDER,)))[PATH]


def test_computed_properties_and_rules_change_nothing() -> None:
    auth = "auth: {roles: [hr], me: {id: int = sub}}\n"
    fields = "name: str, salary: int?, owner_id: int = me"
    access = "access: {owner: owner_id, read: user, create: user, update: owner"
    plain = load_texts({"hero.yaml": f"name: Hero\nfields: {{{fields}}}\n{access}}}\n"}, auth)
    rules = f"{access}, fields: {{salary: {{read: hr, write: hr}}}}}}\n"
    text = f"name: Hero\nfields: {{{fields}, pay: int? computed}}\n{rules}"
    ruled = load_texts({"hero.yaml": text}, auth)
    plain, ruled = (replace(one, emit=(Artifact.PROVIDER,)) for one in (plain, ruled))
    assert render(ruled)[PATH] == render(plain)[PATH]


@given(TEXTS.filter(lambda text: not SURROGATE.search(text)))
@example("</script><!--\u2028")
def test_text_is_a_literal_of_typescript(text: str) -> None:
    values: list[Json] = [text, [text], {text: text}]
    for value in values:
        source = typescript(value)
        assert json.loads(source) == value
        assert source.isascii()
        assert source.isprintable()
        assert "<" not in source


def test_values_without_a_literal_are_rejected() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        typescript(float("nan"))
    with pytest.raises(TypeError, match="not JSON serializable"):
        typescript(b"bytes")


def test_methods_of_actions_have_names_of_their_own() -> None:
    hero = """
        name: Hero
        fields: {name: str}
        actions:
          rate_2: {}
          rate2: {}
          rate: {takes: {how: "enum(so, not so) = so", at: datetime?, on: bool json(isOn)}}
        """
    one = "name: One\nfields: {name: str}\nactions: {get: {}}\n"
    schema = load_texts({"hero.yaml": hero, "one.yaml": one})
    text = render(replace(schema, emit=(Artifact.PROVIDER,)))[PATH]
    names = re.findall(r"async (\w+)\(params", text[text.index("function actionMethods") :])
    assert names[:4] == ["rate2Hero", "rate2Hero_", "rateHero", "getOne_"]
    assert '"how"?: "so" | "not so" | undefined;' in text
    assert '"at"?: string | null | undefined;' in text
    assert '"isOn": boolean;' in text
    assert "Action" not in render(replace(SCHEMA, emit=(Artifact.PROVIDER,)))[PATH]
