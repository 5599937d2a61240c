"""The project that is checked in is what crudgen makes of entities/ today."""

import difflib
from pathlib import Path

from crudgen.codegen import render
from crudgen.codegen.tree import Ownership
from crudgen.language import load
from tests.codegen.emitted import files


def test_generated_is_current(root: Path) -> None:
    tree = dict(render(load(root / "entities")))
    found = files(root / "generated")
    changed = [path for path in sorted(tree | found) if tree.get(path) != found.get(path)]
    lines = [
        line
        for path in changed
        for line in difflib.unified_diff(
            found.get(path, "").splitlines(),
            tree.get(path, "").splitlines(),
            f"generated/{path} (on disk)",
            f"generated/{path} (rendered)",
            lineterm="",
        )
    ]
    shown = "\n".join(lines[:60])
    assert not changed, f"generated/ is not current: run `crudgen emit`\n{shown}"


def test_generated_files_say_that_edits_are_kept(root: Path) -> None:
    """The kit is a copy of crudgen/kit, and has no header."""
    for file in render(load(root / "entities")).files:
        says = "`crudgen emit` updates it, and keeps your edits." in file.text
        is_generated = file.ownership is Ownership.GENERATED and "/kit/" not in file.path
        assert says == (is_generated and file.path.endswith(".py")), file.path


def test_images_and_commits_are_without_records_and_backups(root: Path) -> None:
    tree = render(load(root / "entities"))
    assert {".crudgen.json", "*.db.before-*"} <= {*tree[".dockerignore"].splitlines()}
    assert "*.db.before-*" in tree[".gitignore"].splitlines()
