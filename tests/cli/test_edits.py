"""Edits of generated files: `crudgen emit` merges them, and `own` takes a file out of its hands."""

import json
import shutil
from pathlib import Path

import pytest

from crudgen.delivery.merging import Side, resolve
from crudgen.delivery.record import RECORD, read_record
from tests.cli.test_cli import HERO, Project

ROUTES, MODELS = "generated/app/heroes/routes.py", "generated/app/heroes/models.py"
HANDLER = '''

@router.get("/{hero_id}/title")
def read_title(hero_id: int) -> str:
    """Return the title of a hero."""
    return f"Hero {hero_id}"
'''
RETURNED = '"""A hero as returned by the API."""'
FIELD = "  age: int(0..)? index\n"


@pytest.fixture(scope="module")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("emitted"))
    project.run("emit")
    return project.folder


@pytest.fixture
def project(emitted: Path, tmp_path: Path) -> Project:
    shutil.copytree(emitted, tmp_path, dirs_exist_ok=True)
    return Project(tmp_path)


def edit(project: Project, path: str, old: str, new: str) -> None:
    text = project.read(path)
    assert old in text
    project.write(path, text.replace(old, new))


def change_spec(project: Project, line: str = "  motto: str?\n") -> None:
    project.write("entities/hero.yaml", project.read("entities/hero.yaml") + line)


def conflict(project: Project) -> str:
    """Let the user and the spec change the same line; return what emit says."""
    edit(project, MODELS, "ge=0,", "ge=1,")
    edit(project, "entities/hero.yaml", "int(0..)", "int(5..)")
    edit(project, MODELS, RETURNED, '"""My hero."""')
    return project.run("emit", code=1).stderr


def test_an_edit_is_kept_and_merged(project: Project) -> None:
    project.write(ROUTES, project.read(ROUTES) + HANDLER)
    edit(project, MODELS, RETURNED, '"""My hero."""')
    change_spec(project)
    assert f"{MODELS}: edited, and out of date" in project.run("check", code=1).stderr
    done = project.run("emit", "--no-try").stdout
    assert "1 updated, 1 merged, 1 edited" in done
    assert f"  merged: {MODELS}" in done
    assert project.read(ROUTES).endswith(HANDLER)
    assert '"""My hero."""' in project.read(MODELS)
    assert "motto: str | None" in project.read(MODELS)
    checked = project.run("check").stdout
    assert f"  {MODELS}: edited\n  {ROUTES}: edited\n" in checked
    before = project.read(f"generated/{RECORD}")
    assert "2 edited" in project.run("emit").stdout
    assert project.read(f"generated/{RECORD}") == before


def test_a_conflict_is_marked_named_and_refused_until_it_is_resolved(project: Project) -> None:
    said = conflict(project)
    text = project.read(MODELS)
    line, *again = (n for n, one in enumerate(text.splitlines(), 1) if one == "<<<<<<< yours")
    assert f"  conflict: {MODELS}:{line}" in said
    assert "ge=1" in text
    assert "ge=5" in text
    assert "My hero" in text
    change_spec(project)
    serve = ["serve", "--keep", "generated", "--port", "0"]
    for arguments in (["emit"], ["check"], ["emit", "--dry-run"], serve):
        refused = project.run(*arguments, code=1).stderr
        assert f"{MODELS}:{line}: a conflict is not resolved" in refused
    report = json.loads(project.run("emit", "--json", code=1).stdout)
    assert MODELS in report["error"]
    assert report["refused"] == [
        {"file": "app/heroes/models.py", "lines": [line, *again], "problem": "unresolved"}
    ]
    assert project.read(MODELS) == text
    resolved = resolve(text, Side.NOW)
    assert resolved is not None
    project.write(MODELS, resolved)
    assert "1 merged" in project.run("emit", "--no-try").stdout
    assert "note" not in project.run("check").stdout
    assert "motto" in project.read(MODELS)
    assert "My hero" in project.read(MODELS)
    project.run("check")


@pytest.mark.parametrize(
    ("option", "kept", "lost", "is_marked"), [("--ours", 1, 5, False), ("--theirs", 5, 1, True)]
)
def test_one_side_of_the_conflicts_of_a_file(
    project: Project, option: str, kept: int, lost: int, *, is_marked: bool
) -> None:
    if is_marked:
        conflict(project)
    else:
        edit(project, MODELS, "ge=0,", "ge=1,")
        edit(project, MODELS, RETURNED, '"""My hero."""')
        edit(project, "entities/hero.yaml", "int(0..)", "int(5..)")
    assert "1 merged" in project.run("emit", "--no-try", option, MODELS).stdout
    text = project.read(MODELS)
    assert f"ge={kept}," in text
    assert f"ge={lost}," not in text
    assert "My hero" in text
    assert "<<<<" not in text
    project.run("check")


def test_a_conflict_for_programs(project: Project) -> None:
    edit(project, MODELS, "ge=0,", "ge=1,")
    edit(project, "entities/hero.yaml", "int(0..)", "int(5..)")
    report = json.loads(project.run("emit", "--json", code=1).stdout)
    assert report["ok"] is False
    assert report["files"]["conflict"] == ["app/heroes/models.py"]
    assert {one["file"] for one in report["conflicts"]} == {"app/heroes/models.py"}


def test_a_dry_run_shows_the_merge(project: Project) -> None:
    edit(project, MODELS, RETURNED, '"""My hero."""')
    change_spec(project)
    before = project.read(MODELS)
    done = project.run("emit", "--dry-run")
    assert "+    motto: str | None" in done.stdout
    assert "My hero" not in done.stdout.replace('     """My hero."""', "")
    assert "1 merged" in done.stderr
    assert project.read(MODELS) == before
    edit(project, MODELS, "ge=0,", "ge=1,")
    edit(project, "entities/hero.yaml", "int(0..)", "int(5..)")
    done = project.run("emit", "--dry-run", code=1)
    assert "+<<<<<<< yours" in done.stdout
    assert "conflict" in done.stderr


def test_a_deleted_file_is_not_written_again(project: Project) -> None:
    deleted = project.folder / "generated/tests/test_heroes.py"
    deleted.unlink()
    change_spec(project)
    assert f"deleted by you: {Path('generated/tests/test_heroes.py')}" in project.run("emit").stdout
    assert not deleted.exists()
    assert "generated/tests/test_heroes.py: deleted" in project.run("check").stdout
    project.run("emit", "--theirs", "tests/test_heroes.py")
    assert deleted.exists()


def test_what_is_no_longer_generated_and_was_edited_is_kept(project: Project) -> None:
    project.write("entities/team.yaml", HERO.replace("Hero", "Team"))
    project.run("emit")
    project.write("generated/app/teams/routes.py", "mine = 1\n")
    (project.folder / "entities/team.yaml").unlink()
    said = project.run("emit", "--prune").stdout
    assert "no longer generated: generated/app/teams/routes.py (edited, kept" in said
    assert project.read("generated/app/teams/routes.py") == "mine = 1\n"
    assert not (project.folder / "generated/app/teams/models.py").exists()
    assert "edited, and no longer generated" in project.run("check").stdout


def test_a_file_that_is_owned_is_not_written(project: Project) -> None:
    edit(project, MODELS, RETURNED, '"""My hero."""')
    assert project.run("own", MODELS).stdout == f"{MODELS} is yours now\n"
    assert "already yours" in project.run("own", "app/heroes/models.py").stdout
    owned = project.read(MODELS)
    assert "note" not in project.run("check").stdout
    change_spec(project)
    said = project.run("emit", "--force").stdout
    assert f"  owned: {MODELS}: what is generated has changed; --force keeps it\n" in said
    assert "again with: crudgen disown app/heroes/models.py --out generated\n" in said
    assert project.read(MODELS) == owned
    checked = project.run("check").stdout
    assert f"  {MODELS}: owned\n" in checked
    assert f"note: {MODELS} is yours, and the generated file has changed since" in checked
    assert MODELS in json.loads(project.run("check", "--json").stdout)["notes"][0]
    assert "has changed" not in project.run("emit").stdout
    assert "generated again" in project.run("disown", MODELS).stdout
    assert "1 merged" in project.run("emit", "--no-try").stdout
    assert "note" not in project.run("check").stdout
    assert "motto" in project.read(MODELS)
    assert "My hero" in project.read(MODELS)
    assert "yours already" in project.run("own", "generated/app/main.py", code=1).stderr
    assert "no such folder" in project.run("own", "x.py", "--out", "nowhere", code=1).stderr


def test_a_side_of_an_owned_file_is_rejected(project: Project) -> None:
    project.run("own", ROUTES)
    for option in ("--theirs", "--ours"):
        for more in ([], ["--dry-run"]):
            said = project.run("emit", option, ROUTES, *more, code=1).stderr
            assert f"{ROUTES} is yours: emit does not write it, so {option} has no effect" in said
            assert "with: crudgen disown app/heroes/routes.py --out generated\n" in said
    assert "--force keeps it" in project.run("emit", "--force").stdout
    project.run("disown", "app/heroes/routes.py", "--out", "generated")
    project.run("emit", "--theirs", ROUTES)


@pytest.mark.long
def test_an_owned_file_of_a_renamed_entity_is_named_where_it_is(project: Project) -> None:
    project.run("own", ROUTES)
    text = project.read("entities/hero.yaml").replace("name: Hero", "name: Champion\nwas: Hero")
    project.write("entities/hero.yaml", text)
    moved = "generated/app/champions/routes.py"
    command = "crudgen disown app/heroes/routes.py --out generated"
    dry = project.run("emit", "--dry-run").stderr
    assert f"  owned: {ROUTES}: what is generated has changed\n" in dry
    assert f"again with: {command}\n" in dry
    said = project.run("emit", code=1).stderr
    assert f"  {ROUTES}:" in said
    assert f" (moves to {moved}): ImportError" in said
    assert f"with: {command}\n" in said
    assert f"{ROUTES} is yours" in project.run("check", "--json", code=1).stdout
    refused = project.run("disown", moved, code=1).stderr
    assert (
        "was not taken with 'crudgen own'\n  your generated files: app/heroes/routes.py\n"
        in refused
    )
    project.run(*command.split()[1:])
    project.run("emit")
    assert "Champion" in project.read(moved)


def test_a_dry_run_of_a_rename_shows_what_differs(project: Project) -> None:
    text = project.read("entities/hero.yaml").replace("name: Hero", "name: Champion\nwas: Hero")
    project.write("entities/hero.yaml", text)
    shown = project.run("emit", "--dry-run").stdout
    head = (
        "diff --git a/app/heroes/models.py b/app/champions/models.py\n"
        "rename from app/heroes/models.py\n"
        "rename to app/champions/models.py\n"
        "--- a/app/heroes/models.py\n"
        "+++ b/app/champions/models.py\n"
        "@@ "
    )
    assert head in shown
    assert "-class Hero(" in shown
    assert "+class Champion(" in shown
    assert "--- a/app/heroes/models.py\n+++ /dev/null" not in shown
    assert "-from sqlmodel import" not in shown


def test_a_tool_that_changed_the_record_too_leaves_no_base(project: Project) -> None:
    for file in (project.folder / "generated").rglob("*"):
        if file.is_file() and "kit" not in file.parts:
            file.write_text(file.read_text().replace("H", "J"))
    change_spec(project)
    before = project.read(MODELS)
    assert "Jero" in before
    said = project.run("emit", code=1).stderr
    assert f"{MODELS}: cannot be merged: the record does not contain" in said
    assert "-class Jero(" in said
    assert "crudgen own" in said
    assert project.read(MODELS) == before


def test_a_record_of_digests_gets_texts(project: Project) -> None:
    record = read_record(project.folder / "generated")
    digests = {path: entry.digest for path, entry in record.files.items()}
    project.write(f"generated/{RECORD}", json.dumps(digests, indent=2))
    edit(project, MODELS, RETURNED, '"""My hero."""')
    project.write(ROUTES, project.read(ROUTES) + HANDLER)
    edit(project, "entities/hero.yaml", "  name: str(1..80) index", "  name: str(1..90) index")
    said = project.run("emit", code=1).stderr
    assert f"{MODELS}: cannot be merged" in said
    assert ROUTES not in said  # what is generated for it is the same
    project.run("emit", "--no-try", "--ours", MODELS)
    assert "My hero" in project.read(MODELS)
    change_spec(project)
    assert "1 merged" in project.run("emit", "--no-try").stdout
    assert "note" not in project.run("check").stdout
    assert "motto" in project.read(MODELS)
    assert project.read(ROUTES).endswith(HANDLER)


@pytest.mark.long
def test_a_merge_that_cannot_start_is_not_written(project: Project) -> None:
    project.write(ROUTES, project.read(ROUTES) + "\n\nHeroPublic.model_fields['age']\n")
    edit(project, "entities/hero.yaml", FIELD, "")
    before = project.read(ROUTES), project.read(MODELS)
    said = project.run("emit", code=1).stderr
    assert "the merged application does not start" in said
    assert f"  {ROUTES}:{len(before[0].splitlines())}: KeyError: 'age'" in said
    assert (project.read(ROUTES), project.read(MODELS)) == before
    project.run("emit", "--no-try")
    assert "age" not in project.read(MODELS)


def test_the_files_of_a_renamed_entity_move_with_its_edits(project: Project) -> None:
    project.write(ROUTES, project.read(ROUTES) + HANDLER)
    project.write("generated/app/heroes/own.py", "own = 1\n")
    (project.folder / "entities/hero.yaml").unlink()
    project.write("entities/champion.yaml", HERO.replace("Hero", "Champion") + "was: hero\n")
    moved = "generated/app/champions/routes.py"
    assert f"{ROUTES}: moves to {moved}" in project.run("check", code=1).stderr
    dry = project.run("emit", "--dry-run")
    assert f"  moved: {ROUTES} → {moved}" in dry.stderr
    said = project.run("emit", "--no-try").stdout
    assert f"  moved: {ROUTES} → {moved}" in said
    assert said.count("yours, not moved") == 1
    assert "  yours, not moved: generated/app/heroes/own.py\n" in said
    assert project.read(moved).endswith(HANDLER)
    assert "class Champion(" in project.read("generated/app/champions/models.py")
    left = (project.folder / "generated/app/heroes").iterdir()
    assert [file.name for file in left] == ["own.py"]
    assert not (project.folder / "generated/tests/test_heroes.py").exists()


def test_edits_move_with_an_entity_whose_former_name_is_given(project: Project) -> None:
    """`was` names the entity, as the reference of the spec shows, or its table."""
    project.write(MODELS, project.read(MODELS) + "\n\nMINE = 1\n")
    text = project.read("entities/hero.yaml").replace("name: Hero", "name: Person\nwas: Hero")
    project.write("entities/hero.yaml", text)
    project.run("emit", "--no-try")
    assert project.read("generated/app/people/models.py").endswith("\n\nMINE = 1\n")
    assert not (project.folder / MODELS).exists()
