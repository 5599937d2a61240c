"""The generated code of callers and rules, and the commands that show them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import explain, load_texts
from crudgen.language.schema import Schema
from tests.access.agency import APP, ENTITIES, random_rules, with_rules
from tests.startup.started import Application
from tests.support.servers import write_entities

OPERATIONS = "[create, list, read, update, replace, delete, create_many, update_many, delete_many]"
NAMED_LIKE_CODE = (
    "Access",
    "Caller",
    "Guarded",
    "Me",
    "PermittedCaller",
    "Reader",
    "Creator",
    "Role",
    "User",
)


def crudgen(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crudgen", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "crudgen.yaml").write_text("auth: {roles: [editor]}\n")
    hero = "name: Hero\nfields: {name: str}\naccess: {read: anyone, create: user, update: editor}\n"
    write_entities(tmp_path / "entities", {"hero": hero})
    return tmp_path


def test_a_spec_without_callers_has_no_file_of_them() -> None:
    tree = render(load_texts({"hero.yaml": "name: Hero\nfields: {name: str}\n"}))
    assert [path for path in tree if "access" in path or "caller" in path] == []
    kept = {path for path in tree if "/kit/" not in path}
    assert [path for path in kept if "access" in tree[path] or "jwt" in tree[path]] == []


@pytest.mark.parametrize("seed", range(5))
def test_rules_are_explained_in_the_long_form(seed: int) -> None:
    schema = load_texts(with_rules(random_rules(seed)), APP)
    texts = {f"{one.name}.yaml": explain(one) for one in schema.entities}
    assert without_files(load_texts(texts, APP)) == without_files(schema)


VOCABULARY = {
    "note.yaml": """\
name: Note
fields:
  title: str unique
  status: enum(draft, published) = draft
  owner_id: int = me
  org: str? = me.org read_only
  team_id: int?
unique: [[status, team_id]]
access:
  owner: owner_id
  tenant: org
  read: [owner, editor if team_id in me.teams, user if not (team_id in me.teams)]
  create: [owner, {rule: "editor if title != 'x'", says: "Not x: it's taken."}]
  update: [owner if old.status = draft and new.title != old.title, editor]
  delete: owner if status = draft or title = 'a and b'
"""
}
CALLERS_OF_VOCABULARY = """\
auth: {roles: [editor], me: {id: int = sub, org: str?, teams: "list(int)?"}}
"""


def test_the_vocabulary_of_rules_is_explained_in_the_long_form() -> None:
    schema = load_texts(VOCABULARY, CALLERS_OF_VOCABULARY)
    texts = {f"{one.name}.yaml": explain(one) for one in schema.entities}
    found = load_texts(texts, CALLERS_OF_VOCABULARY)
    assert without_files(found) == without_files(schema)
    for one, other in zip(found.entities, schema.entities, strict=True):
        assert (one.fields, one.indexes) == (other.fields, other.indexes)


def test_rules_about_rows_are_in_the_generated_tests() -> None:
    tree = render(load_texts(VOCABULARY, CALLERS_OF_VOCABULARY))
    may = tree["tests/test_notes.py"].partition("MAY: ")[2]
    assert '("GET", PATH, ["user", "editor"])' in may
    assert '("DELETE", MISSING, ["user", "editor"])' in may


def without_files(schema: Schema) -> list[tuple[str, object]]:
    return [(one.name, one.access) for one in schema.entities]


def test_entities_can_be_named_like_the_code_of_rules() -> None:
    texts = {}
    for name in NAMED_LIKE_CODE:
        access = "access: {read: anyone, write: [editor]}"
        own = "links: {readers: Reader}\n" if name == "PermittedCaller" else ""
        fields = (
            "{name: str}"
            if name in {"PermittedCaller", "Reader"}
            else "{name: str, reader_id: -> Reader}"
        )
        texts[f"{name}.yaml"] = (
            f"name: {name}\nfields: {fields}\n{own}{access}\napi: {{operations: {OPERATIONS}}}\n"
        ).replace("-> Reader}", '"-> Reader"}')
    app = 'auth: {roles: [editor], me: {claim: str, int: int?, literal: "enum(a, b)?"}}'
    package = import_tree(render(load_texts(texts, app)))
    paths = Application(package).module("main").create_app().openapi()["paths"]
    unload(package)
    assert {
        "/accesses/",
        "/callers/",
        "/permitted-callers/{permitted_caller_id}/readers/",
    } <= paths.keys()


def test_a_list_over_a_link_table_needs_to_read_it() -> None:
    links = "links: {heroes: {to: Hero, via: Member}}\napi: {nested: [heroes]}\n"
    keys = "{club_id: -> Club cascade, hero_id: -> Hero cascade}\nunique: [[club_id, hero_id]]\n"
    texts = {
        "club.yaml": f"name: Club\nfields: {{name: str}}\n{links}access: anyone\n",
        "hero.yaml": "name: Hero\nfields: {name: str}\naccess: anyone\n",
        "member.yaml": f"name: Member\nfields: {keys}access: {{read: hr}}\n",
    }
    tree = render(load_texts(texts, APP))
    assert "me: Annotated[Caller, club_heroes.lister]" in tree["app/clubs/nested.py"]
    package = import_tree(tree)
    paths = Application(package).module("main").create_app().openapi()["paths"]
    unload(package)
    assert paths["/clubs/{club_id}/heroes/"]["get"]["security"] == [{"token": []}]
    assert {} in paths["/clubs/"]["get"]["security"]


def test_the_rules_are_a_table(project: Path) -> None:
    shown = crudgen(project, "access").stdout
    assert [line.split() for line in shown.splitlines()] == [
        ["Hero"],
        ["anyone", "user", "editor"],
        ["read", "yes", "yes", "yes"],
        ["create", "-", "yes", "yes"],
        ["update", "-", "-", "yes"],
        ["delete", "-", "-", "-"],
    ]
    assert json.loads(crudgen(project, "access", "--json").stdout) == {
        "callers": ["anyone", "user", "editor"],
        "entities": {
            "Hero": {
                "read": ["anyone", "user", "editor"],
                "create": ["user", "editor"],
                "update": ["editor"],
                "delete": [],
            }
        },
    }
    (project / "crudgen.yaml").write_text("title: Heroes\n")
    (project / "entities/hero.yaml").write_text("name: Hero\nfields: {name: str}\n")
    done = crudgen(project, "access")
    assert (done.returncode, done.stderr) == (
        1,
        "error: the spec has no callers: add 'auth' to crudgen.yaml\n",
    )


def test_a_change_of_rules_changes_the_table_of_the_project(project: Path) -> None:
    assert crudgen(project, "emit").returncode == 0
    assert crudgen(project, "check").returncode == 0
    file = project / "entities/hero.yaml"
    file.write_text(file.read_text().replace("update: editor", "update: user"))
    done = crudgen(project, "check")
    assert done.returncode == 1
    assert "access.txt: out of date" in done.stderr


def test_an_older_project_is_told_what_its_files_lack(project: Path) -> None:
    hero = project / "entities/hero.yaml"
    rules, settings = hero.read_text(), (project / "crudgen.yaml").read_text()
    (project / "crudgen.yaml").unlink()
    hero.write_text(rules.partition("access")[0])
    assert crudgen(project, "emit").returncode == 0
    (project / "crudgen.yaml").write_text(settings)
    hero.write_text(rules)
    said = crudgen(project, "emit").stdout
    for line in (
        "auth_secret=SECRET,",
        "headers=EVERY_ROLE,",
        "from callers import EVERY_ROLE, SECRET",
        '"pyjwt[crypto]>=2.15,<3",',
    ):
        assert line in said


def test_nobody_may_use_a_new_entity_yet(project: Path) -> None:
    assert crudgen(project, "new", "Team").returncode == 0
    text = (project / "entities/team.yaml").read_text()
    assert yaml.safe_load(text.partition("access:")[2]) == "nobody"
    assert crudgen(project, "check").returncode == 0


def test_the_spec_of_the_tests_uses_every_kind_of_request() -> None:
    text = "".join(ENTITIES.values())
    for word in ("include", "related", "nested", "embed", "counts", "keys", "create}", "via"):
        assert word in text
