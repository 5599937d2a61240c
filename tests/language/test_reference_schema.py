"""The JSON Schema of references and links agrees with `crudgen check`."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from crudgen.errors import SpecError
from crudgen.language import editor_schema, load_texts

ENTITY = Draft202012Validator(editor_schema())
AROUND = {
    "team.yaml": "name: Team\nfields: {name: str}",
    "power.yaml": "name: Power\nfields: {name: str}",
    "grant.yaml": "name: Grant\nfields: {hero_id: -> Hero, power_id: -> Power}\n"
    "unique: [[hero_id, power_id]]",
}
REFERENCES: list[Any] = [
    *("-> Team", "->Team", "  ->  Team  ", "-> Team?", "-> Team ?", "-> Team cascade"),
    *(
        "-> Team? set_null",
        "-> Team? = 1",
        "-> Team = 1 cascade",
        "-> Team? = null",
        "-> Team unique",
    ),
    *("-> Team? read_only", "-> Team write_only immutable", "-> Team relation(squad)"),
    *("-> Team inverse(members) doc(Do not set_null it.)", "-> Team column(TeamId) json(teamId)"),
    *('-> Team? set_null inverse("members")', "-> Team example(3) was(group_id)"),
    {"type": "reference", "to": "Team"},
    {"type": "reference", "to": "Team", "optional": True, "on_delete": "set_null"},
    {"type": "reference", "to": "Team", "inverse": False, "relation": "squad", "default": 1},
    {"type": "reference", "to": "Team", "order": ["name", "-other"], "inverse": "members"},
]
WRONG: list[tuple[Any, str]] = [
    ("->", "Write an entity after '->'"),
    ("-> ", "Write an entity after '->'"),
    ("-> team", "Write an entity after '->'"),
    ("-> Team(id)", "Write an entity after '->'"),
    ("-> Team.id", "Write an entity after '->'"),
    ("-> Team[]", "Write an entity after '->'"),
    ("-> Team =", "Invalid default for a reference"),
    ("-> Team = null", "Invalid default for a reference"),
    ("-> Team? = None", "Invalid default for a reference"),
    ("-> Team index", "Unknown or misplaced option. Options of a reference: cascade, set_null, "),
    ("-> Team cascade = 1", "Unknown or misplaced option."),
    ("-> Team inverse", "Unknown or misplaced option."),
    ("-> Team restrict", "Unknown or misplaced option."),
    ("-> Team?cascade", "Unknown or misplaced option."),
    ("-> Team set_null", "'set_null' requires a reference that accepts null"),
    ("-> Team = 1 unique set_null", "'set_null' requires a reference that accepts null"),
    ({"type": "reference", "to": "team"}, "Expected an entity, such as Team."),
    (
        {"type": "reference", "to": "Team", "index": True},
        "Unknown option. Options of a reference: ",
    ),
    ({"type": "reference", "to": "Team", "on_delete": "null"}, "Expected one of restrict, "),
    ({"type": "reference", "to": "Team", "on_delete": "set_null"}, "'set_null' requires "),
    ({"type": "reference", "to": "Team", "default": None}, "A default of null requires "),
    ({"type": "reference", "to": "Team", "relation": "Squad"}, "Invalid name: a relation name"),
    ({"type": "reference", "to": "Team", "inverse": True}, "Expected a name, or false."),
    ({"type": "reference", "to": "Team", "inverse": "Squad"}, "Invalid name: a relation name"),
    ({"type": "reference", "to": "Team", "order": ["Name"]}, "Expected a field, such as age "),
    ({"type": "refrence", "to": "Team"}, "Expected one of str, text, "),
]
LINKS: list[Any] = [
    "Power",
    {"to": "Power"},
    {"to": "Power", "inverse": False, "table": "hero_powers"},
    {"to": "Power", "inverse": "owners", "via": "Grant"},
]
WRONG_LINKS: list[tuple[Any, str]] = [
    ("power", "Expected an entity, such as Power, or a map"),
    ("-> Power", "Expected an entity, such as Power, or a map"),
    (["Power"], "Expected an entity, such as Power, or a map"),
    ({"to": "power"}, "Expected an entity, such as Team."),
    ({"to": "Power", "via": "grant"}, "Expected an entity, such as Membership."),
    ({"to": "Power", "on_delete": "cascade"}, "Unknown option. Options of a link: to, inverse, "),
    ({"to": "Power", "inverse": 3}, "Expected a name, or false."),
    ({"to": "Power", "table": "pg_x"}, "The database or the application has a table"),
]


def with_reference(reference: Any) -> dict[str, Any]:
    return {"name": "Hero", "fields": {"name": "str", "other": "int", "team_id": reference}}


def with_link(link: Any) -> dict[str, Any]:
    return {"name": "Hero", "fields": {"name": "str"}, "links": {"powers": link}}


def message(errors: list[ValidationError]) -> str:
    """Return the message that an editor shows for the only error."""
    [found] = errors
    schema: Any = found.schema
    shown: str = schema["patternErrorMessage" if found.validator == "pattern" else "errorMessage"]
    return shown


def check(spec: dict[str, Any]) -> None:
    load_texts({"hero.yaml": json.dumps(spec), **AROUND})


@pytest.mark.parametrize("reference", REFERENCES, ids=str)
def test_references_are_accepted_by_both(reference: Any) -> None:
    check(with_reference(reference))
    assert ENTITY.is_valid(with_reference(reference))


@pytest.mark.parametrize(("reference", "shown"), WRONG, ids=str)
def test_a_mistake_in_a_reference_gives_one_message(reference: Any, shown: str) -> None:
    with pytest.raises(SpecError):
        check(with_reference(reference))
    assert message([*ENTITY.iter_errors(with_reference(reference))]).startswith(shown)


@pytest.mark.parametrize("link", LINKS, ids=str)
def test_links_are_accepted_by_both(link: Any) -> None:
    check(with_link(link))
    assert ENTITY.is_valid(with_link(link))


@pytest.mark.parametrize(("link", "shown"), WRONG_LINKS, ids=str)
def test_a_mistake_in_a_link_gives_one_message(link: Any, shown: str) -> None:
    with pytest.raises(SpecError):
        check(with_link(link))
    assert message([*ENTITY.iter_errors(with_link(link))]).startswith(shown)


@pytest.mark.parametrize(
    ("api", "shown"),
    [
        ({"include": ["team.country"]}, "Invalid path: "),
        ({"related": ["Team"]}, "Invalid path: "),
        ({"write": {"powers": "key"}}, "Expected one of create, keys."),
    ],
    ids=str,
)
def test_a_mistake_in_the_keys_of_relations_gives_one_message(
    api: dict[str, Any], shown: str
) -> None:
    spec = {**with_reference("-> Team?"), "api": api}
    with pytest.raises(SpecError):
        check(spec)
    assert message([*ENTITY.iter_errors(spec)]).startswith(shown)


@pytest.mark.parametrize(
    ("operation", "key", "value"),
    [
        ("create", "include", ["team"]),
        ("read", "related", ["team__name"]),
        ("list", "embed", ["team"]),
        ("delete", "counts", []),
        ("list", "write", {"powers": "keys"}),
    ],
)
def test_keys_of_relations_require_an_operation(operation: str, key: str, value: object) -> None:
    spec = with_reference("-> Team?")
    assert ENTITY.is_valid({**spec, "api": {key: value}})
    wrong = {**spec, "api": {"operations": [operation], key: value}}
    assert not ENTITY.is_valid(wrong)
    with pytest.raises(SpecError, match="requires"):
        check(wrong)
