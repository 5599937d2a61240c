"""The changes of the kit that tests of rules must notice are changes of its lines as they are now.

The tests run in the long part: `RULES=3 python -m pytest -n0 tests/access -k found`.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.access import (
    test_changed_hooks,
    test_created_together,
    test_fields,
    test_hidden_related_rows,
    test_hooked_keys,
    test_links,
    test_non_interference,
    test_related_rows,
    test_row_rules,
    test_rules,
    test_written_keys,
)
from tests.access.mutants import mutated

KIT = Path(__file__).parents[2] / "crudgen/kit"
MUTANTS: Sequence[Mapping[str, Sequence[str]]] = (
    test_created_together.MUTANTS,
    test_fields.MUTANTS,
    test_hidden_related_rows.MUTANTS,
    test_hooked_keys.MUTANTS,
    test_links.MUTANTS,
    test_non_interference.MUTANTS,
    test_related_rows.MUTANTS,
    test_row_rules.MUTANTS,
    test_rules.MUTANTS,
    test_written_keys.MUTANTS,
    {name: mutation for name, (_, mutation) in test_changed_hooks.OF_CALLERS.items()},
    test_changed_hooks.OF_ROWS,
)


def test_none_is_left_out() -> None:
    listed = {name for name, one in globals().items() if hasattr(one, "MUTANTS")}
    files = {one for one in Path(__file__).parent.glob("test_*.py") if one != Path(__file__)}
    assert listed == {one.stem for one in files if re.search(r"(?m)^MUTANTS\b", one.read_text())}


def test_each_changes_lines_of_the_kit() -> None:
    tree = {
        f"app/kit/{file.relative_to(KIT).as_posix()}": file.read_text("utf-8")
        for file in KIT.rglob("*.py")
    }
    count = 0
    for found in MUTANTS:
        for mutation in found.values():
            assert not mutation or mutated(tree, mutation) != tree
            count += bool(mutation)
    assert count > 130
