"""What an editor shows for specs: completion, errors and hover texts of the language server."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crudgen.cli.schema import (
    SCHEMA_FILE,
    SEEDS_SCHEMA_FILE,
    schema_text,
    seeds_schema_text,
)
from crudgen.language import load_texts
from crudgen.language.operations import Operation
from crudgen.language.schema import KitForm
from crudgen.language.types import REFERENCE, REFERENCE_DOC, TYPES
from crudgen.language.written.app import AppSpec
from crudgen.language.written.base import BaseSpec
from crudgen.language.written.limits_and_names import LimitsSpec
from crudgen.language.written.relations import LinkSpec, ReferenceSpec
from crudgen.language.written.spec import ApiSpec, FieldSpec
from crudgen.language.written.words import ON_DELETE
from tests.external.language_server import Found, LanguageServer
from tests.support import agreement
from tests.support.agreement import CASES, ROOT

ENTITY = "entities/hero.yaml"
APP = "crudgen.yaml"
SEEDS = "seeds/heroes.yaml"
FIRST_LINE = f"# yaml-language-server: $schema=../{SCHEMA_FILE}\n"
HERO = f"{FIRST_LINE}name: Hero\nfields:\n"
SETTINGS = f"# yaml-language-server: $schema={SCHEMA_FILE}#/$defs/AppSpec\n"
TOO_MANY_KEYS = {
    CASES / "fields_too_many" / "entities" / "hero.yaml",
    CASES / "webhooks_many" / "crudgen.yaml",
}
"""The server reports a map with too many keys at its first key, not at the key before it."""

pytestmark = pytest.mark.external


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    folder: Path = tmp_path_factory.mktemp("project")
    (folder / SCHEMA_FILE).write_text(schema_text(), "utf-8")
    with LanguageServer(folder) as running:
        yield running


def test_types_come_first_with_their_descriptions(server: LanguageServer) -> None:
    proposals = server.completions(ENTITY, f"{HERO}  title: |\n")
    assert proposals[len(TYPES)].line == "  title: -> ${1:Team}"
    first = proposals[: len(TYPES)]
    assert [proposal.label.partition("(")[0] for proposal in first] == [*TYPES]
    assert [proposal.doc for proposal in first] == [info.doc for info in TYPES.values()]
    assert first[0].line == "  title: str"
    assert first[4].line == "  title: decimal(${1:10},${2:2})"


def test_the_first_letters_of_a_type_are_replaced(server: LanguageServer) -> None:
    lines = {found.label: found.line for found in server.completions(ENTITY, f"{HERO}  a: st|\n")}
    assert lines["str"] == "  a: str"
    assert lines["str(1..80)"] == "  a: str(${1:1}..${2:80})"


def test_options_are_completed_after_their_type(server: LanguageServer) -> None:
    found = {one.label: one for one in server.completions(ENTITY, f"{HERO}  a: str u|\n")}
    unique = found["str unique"]
    assert unique.line == "  a: str unique"
    assert unique.doc == FieldSpec.model_fields["unique"].description
    assert found["decimal(10,2) min(0)"].line == "  a: decimal(${1:10},${2:2}) min(${3:0})"
    assert "json unique" not in found


@pytest.mark.parametrize(
    ("short", "message"),
    [
        ("strng", f"Unknown type. Types: {', '.join(TYPES)}; -> Team for a reference."),
        ("-> team", "Write an entity after '->', such as -> Team."),
        ("-> Team = null", "Invalid default for a reference. Write it such as = 1."),
        ("-> Team index", "Unknown or misplaced option. Options of a reference: cascade, "),
        ("-> Team set_null", "'set_null' requires a reference that accepts null"),
        ("str(80)", "Write the arguments of 'str' as str(1..80), str(1..) or str(..80)."),
        ("decimal", "Write the arguments of 'decimal' as decimal(10,2)."),
        ("bool(1)", "'bool' takes no arguments."),
        ("str =", "Invalid default for 'str'. Write it such as = \"a b\"."),
        ("int = x", "Invalid default for 'int'. Write it such as = 0."),
        ("bool = yes", "Invalid default for 'bool'. Write it such as = true."),
        ("str = now", "Invalid default for 'str'. Write it such as "),
        ("json indx", "Unknown or misplaced option. Options of 'json': read_only, "),
        ("str?index", "Unknown or misplaced option. Options of 'str': pk, "),
        ("5", "Expected a type, such as str(1..80)."),
        ("", "Expected a type, such as str(1..80)."),
        ("[str]", "Expected a type, such as str(1..80)."),
    ],
)
def test_a_mistake_in_the_short_form_gives_one_message(
    server: LanguageServer, short: str, message: str
) -> None:
    [found] = server.problems(ENTITY, f"{HERO}  name: {short}\n")
    assert found.text == short
    assert found.message.startswith(message)


def test_a_hover_describes_the_type(server: LanguageServer) -> None:
    for text in ("  title: s|tr(1..80)\n", "  ti|tle: str(1..80)\n"):
        shown = server.hover(ENTITY, HERO + text)
        assert TYPES["str"].doc in shown  # type: ignore[index]
        assert "`unique`" in shown
    assert "- `decimal`: exact number" in server.hover(ENTITY, f"{HERO}  title: st|rng\n")


def test_the_long_form_is_completed(server: LanguageServer) -> None:
    keys = {one.label: one for one in server.completions(ENTITY, f"{HERO}  title:\n    |\n")}
    assert {info.alias or key for key, info in FieldSpec.model_fields.items()} <= keys.keys()
    assert "str" not in keys

    types = server.completions(ENTITY, f"{HERO}  title:\n    type: |\n")
    assert {one.label: one.doc for one in types} == {
        **{str(name): info.doc for name, info in TYPES.items()},
        REFERENCE: REFERENCE_DOC,
    }

    keys = {
        one.label: one
        for one in server.completions(ENTITY, f"{HERO}  title:\n    type: json\n    |\n")
    }
    assert keys["optional"].line == "    optional: true"
    assert keys["doc"].doc == FieldSpec.model_fields["doc"].description
    assert not keys.keys() & {"pk", "max", "values", "type"}


def test_mistakes_in_the_long_form(server: LanguageServer) -> None:
    text = """\
  a: {type: strng}
  b: {type: int, pattern: x}
  c: {type: json, pk: true}
  d: {type: decimal, precision: 3}
  e: {max: 3}
  f: {type: int, default: x}
"""
    found = server.problems(ENTITY, HERO + text)
    assert [problem.text for problem in found] == ["strng", "pattern", "true", "d", "e", "x"]
    for problem, message in zip(
        found,
        (
            f"Expected one of {', '.join(TYPES)}, {REFERENCE}.",
            "Unknown option. Options of 'int': type, optional, default, min, max, pk, ",
            "'pk' does not apply to 'json'.",
            'Missing property "scale".',
            'Missing property "type".',
            "Incorrect type. Expected one of integer, null.",
        ),
        strict=True,
    ):
        assert problem.message.startswith(message)


def test_a_reference_is_completed(server: LanguageServer) -> None:
    found = {one.label: one for one in server.completions(ENTITY, f"{HERO}  team_id: -> T|\n")}
    assert found["-> Team?"].line == "  team_id: -> ${1:Team}?"
    assert found["-> Team? set_null"].line == "  team_id: -> ${1:Team}? set_null"
    assert found["-> Team inverse(minions)"].line.endswith("-> ${1:Team} inverse(${2:minions})")
    shown = server.hover(ENTITY, f"{HERO}  team_id: -> T|eam? cascade\n")
    assert REFERENCE_DOC in shown
    assert "`set_null`" in shown

    text = f"{HERO}  team_id:\n    type: reference\n    |\n"
    keys = {one.label: one for one in server.completions(ENTITY, text)}
    assert {"to", "on_delete", "inverse", "order", "unique"} <= keys.keys()
    assert not keys.keys() & {"max", "index", "values"}
    text = f"{HERO}  team_id:\n    type: reference\n    to: Team\n    on_delete: |\n"
    words = server.completions(ENTITY, text)
    assert {one.label: one.doc for one in words} == {str(k): doc for k, doc in ON_DELETE.items()}


def test_mistakes_in_references(server: LanguageServer) -> None:
    text = """\
  a_id: {type: reference, to: team}
  b_id: {type: reference}
  c_id: {type: reference, to: Team, index: true}
  d_id: {type: reference, to: Team, on_delete: set_null}
  e_id: {type: reference, to: Team, inverse: 3}
  f_id: {type: ref, to: Team}
"""
    assert server.problems(ENTITY, HERO + text) == [
        Found("team", "Expected an entity, such as Team."),
        Found("b_id", 'Missing property "to".'),
        Found("index", found_options("a reference", ReferenceSpec)),
        Found("d_id", "'set_null' requires a reference that accepts null: write 'optional: true'."),
        Found("3", "Expected a name, or false."),
        Found("ref", f"Expected one of {', '.join(TYPES)}, {REFERENCE}."),
    ]


def found_options(what: str, spec: type[BaseSpec]) -> str:
    return f"Unknown option. Options of {what}: {', '.join(spec.allowed_keys())}."


def test_links_are_completed(server: LanguageServer) -> None:
    links = f"{HERO}  title: str\nlinks:\n"
    assert server.completions(ENTITY, f"{links}  powers: |\n")[0].line == "  powers: ${1:Power}"
    keys = server.completions(ENTITY, f"{links}  powers:\n    |\n")
    assert {one.label for one in keys} >= {*LinkSpec.model_fields}
    text = "  a: power\n  b: {to: Power, on_delete: cascade}\n  c: {}\n  d: [Power]\n"
    message = "Expected an entity, such as Power, or a map (the long form)."
    assert server.problems(ENTITY, links + text) == [
        Found("power", message),
        Found("on_delete", found_options("a link", LinkSpec)),
        Found("c", 'Missing property "to".'),
        Found("[Power]", message),
    ]


def test_the_api_block_is_completed(server: LanguageServer) -> None:
    keys = server.completions(ENTITY, f"{HERO}  title: str\napi:\n  |\n")
    assert {one.label for one in keys} == {*ApiSpec.model_fields}
    for text in ("operations: [|]", "operations:\n    - |", "operations:\n    - list\n    - |"):
        words = server.completions(ENTITY, f"{HERO}  title: str\napi:\n  {text}\n")
        assert [one.label for one in words] == sorted(Operation)
        assert all(one.doc for one in words)


def test_mistakes_in_the_api_block(server: LanguageServer) -> None:
    text = "  title: str\napi: {operations: [lst], filtre: [a], page: 20}\n"
    assert server.problems(ENTITY, HERO + text) == [
        Found("lst", f"Expected one of {', '.join(Operation)}."),
        Found("filtre", f"Expected a map. Allowed keys: {', '.join(ApiSpec.model_fields)}."),
        Found("20", "Expected a map. Allowed keys: default, max."),
    ]


def test_rules_of_operations(server: LanguageServer) -> None:
    for api, text, message in (
        ("operations: [read], page: {max: 3}", "page", "Requires the operation list."),
        ("operations: [list, read], idempotency: true", "idempotency", "Requires one of the "),
        ("operations: [list], etag: required", "etag", "Requires one of the operations delete, "),
        ("operations: [update, update_many], etag: required", "update_many", "Not possible with "),
        ("operations: []", "[]", "Array has too few items."),
        ("operations: [list, list]", "[list, list]", "Array has duplicate items."),
        ("page: {max: 0}", "0", "Value is below the minimum of 1."),
        ("sort: [title, title]", "[title, title]", "Array has duplicate items."),
        (
            "operations: [create], include: [team]",
            "include",
            "Requires one of the operations list,",
        ),
        ("operations: [read], related: [team__name]", "related", "Requires the operation list."),
        ("operations: [list], embed: [team]", "embed", "Requires the operation read."),
        ("operations: [list], write: {lines: create}", "write", "Requires one of the operations "),
        ("write: {lines: keyz}", "keyz", "Expected one of create, keys."),
        ("include: [team.country]", "team.country", "Invalid path: names in lower case, "),
    ):
        [found] = server.problems(ENTITY, f"{HERO}  title: str\napi: {{{api}}}\n")
        assert (found.text, found.message.startswith(message)) == (text, True), found


def test_mistakes_in_the_keys_of_an_entity(server: LanguageServer) -> None:
    text = """\
  model_dump_x: str
path: /docs/x
table: PG_hero
plural: heroes_
unique: [[title]]
index: title
"""
    assert server.problems(ENTITY, HERO + text) == [
        Found("model_dump_x", "pydantic reserves this prefix."),
        Found("/docs/x", "The path is one of the application itself."),
        Found("PG_hero", "The database or the application has a table of this name."),
        Found("heroes_", "A plural does not end with '_'."),
        Found("[title]", "Array has too few items. Expected 2 or more."),
        Found("title", 'Incorrect type. Expected "array".'),
    ]


def test_the_application_is_completed(server: LanguageServer) -> None:
    keys = server.completions(APP, f"{SETTINGS}|\n")
    described = {one.label: one.doc for one in keys}
    assert described == {key: field.description for key, field in AppSpec.model_fields.items()}
    keys = server.completions(APP, f"{SETTINGS}limits:\n  |\n")
    assert {one.label for one in keys} == {*LimitsSpec.model_fields}
    words = server.completions(APP, f"{SETTINGS}kit: |\n")
    assert {one.label for one in words} == {*KitForm}
    assert all(one.doc for one in words)


def test_mistakes_in_the_application(server: LanguageServer) -> None:
    text = (
        f"{SETTINGS}titel: x\nversion: 1.0\ndatabase: mysql://x\nkit: vend\nlimits: {{body: 5}}\n"
    )
    assert server.problems(APP, text) == [
        Found("titel", f"Expected a map. Allowed keys: {', '.join(AppSpec.model_fields)}."),
        Found("1.0", 'Incorrect type. Expected "string".'),
        Found(
            "mysql://x",
            "Expected a URL such as sqlite:///app.db or postgresql://host/name."
            " In the user and the password, write @ as %40 and / as %2F.",
        ),
        Found("vend", f"Expected one of {', '.join(KitForm)}."),
        Found("body", f"Expected a map. Allowed keys: {', '.join(LimitsSpec.model_fields)}."),
    ]


@pytest.mark.parametrize(
    "file", agreement.wrong_files(), ids=lambda file: str(file.relative_to(CASES))
)
def test_wrong_files_are_rejected_on_the_same_lines(server: LanguageServer, file: Path) -> None:
    lines = lines_with_problems(server, file)
    if file in TOO_MANY_KEYS:
        lines = {line - 1 for line in lines}
    assert agreement.disagreements(file, lines) == []


@pytest.mark.parametrize(
    "file", agreement.right_files(), ids=lambda file: str(file.relative_to(ROOT))
)
def test_correct_files_are_accepted(server: LanguageServer, file: Path) -> None:
    assert lines_with_problems(server, file) == set()


def lines_with_problems(server: LanguageServer, file: Path) -> set[int]:
    """Return the lines, from 1. The line that names the schema is put before them."""
    text = file.read_text("utf-8")
    if file.name == APP:
        return server.lines(APP, SETTINGS + text)
    return server.lines(ENTITY, FIRST_LINE + text)


def test_each_created_file_is_completed(tmp_path: Path) -> None:
    """The first line of the files that `crudgen init` and `crudgen new` write names the schema."""
    for folder, arguments in (
        (tmp_path, ["init", "shop"]),
        (tmp_path / "shop", ["new", "Team", "name:str"]),
        (tmp_path / "shop", ["new", "Part", "name:str", "--entities", "stock/entities"]),
        (tmp_path / "shop" / "entities", ["new", "Town", "name:str", "--entities", "."]),
    ):
        command = [sys.executable, "-m", "crudgen", *arguments]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    files = sorted((tmp_path / "shop").rglob("*.yaml"))
    assert [file.name for file in files] == ["hero.yaml", "team.yaml", "town.yaml", "part.yaml"]
    with LanguageServer(tmp_path) as server:
        for file in files:
            path, text = str(file.relative_to(tmp_path)), file.read_text("utf-8")
            assert server.problems(path, text) == []
            assert server.completions(path, f"{text}  more: |\n")[0].label == "str"
            [found] = server.problems(path, f"{text}  more: strng\n")
            assert found.message.startswith("Unknown type.")


def test_seeds_are_completed_and_checked(server: LanguageServer) -> None:
    schema = load_texts(
        {
            "hero.yaml": 'name: Hero\nfields: {name: str unique, mood: "enum(calm, wild) = calm",'
            " team_id: -> Team?}\n",
            "team.yaml": "name: Team\nfields: {name: str unique, city: str}\n",
        }
    )
    (server.folder / SEEDS_SCHEMA_FILE).write_text(seeds_schema_text(schema), "utf-8")
    head = f"# yaml-language-server: $schema=../{SEEDS_SCHEMA_FILE}\n"
    start = f"{head}Hero:\n  - name: Ann\n"
    assert {one.label for one in server.completions(SEEDS, f"{head}|\n")} == {"Hero", "Team"}
    keys = {one.label for one in server.completions(SEEDS, f"{start}    |\n")}
    assert keys >= {"id", "mood", "team_id", "team"}
    words = server.completions(SEEDS, f"{start}    mood: |\n")
    assert {one.label for one in words} == {"calm", "wild"}
    keys = {one.label for one in server.completions(SEEDS, f"{start}    team:\n      |\n")}
    assert keys == {"id", "name", "city"}
    assert server.problems(SEEDS, f"{start}    mood: calm\n    team: Avengers\n") == []
    text = """\
Hero:
  - {name: Ann, moood: calm}
  - {name: Bob, mood: calm, team: [Avengers]}
  - {name: Cyd, mood: angry, team: {town: Paris}}
Teams: []
"""
    assert server.problems(SEEDS, head + text) == [
        Found("moood", "Expected a row of Hero. Its keys: id, name, mood, team_id, team."),
        Found("[Avengers]", "Expected a row of Team: its name, or a map of its fields."),
        Found("angry", 'Value is not accepted. Valid values: "calm", "wild".'),
        Found("town", "Expected fields of Team: id, name, city."),
        Found("Teams", "Expected a map of entities to rows. Entities: Hero, Team."),
    ]
