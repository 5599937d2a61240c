"""The project that is checked in is what crudgen makes of entities/ today."""

import difflib
from pathlib import Path

from crudgen.codegen import render
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
