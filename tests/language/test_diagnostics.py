"""Every kind of mistake and what is said about it: tests/cases/diagnostics/<kind>/expected.txt.

`ACCEPT=1 pytest tests/language/test_diagnostics.py` accepts the new output.
"""

import ast
import os
import sys
from pathlib import Path

import pytest

from crudgen import language
from crudgen.errors import Diagnostic, SpecError
from crudgen.language import load
from crudgen.language.yaml.locations import Location

CASES = Path(__file__).parent.parent / "cases" / "diagnostics"
SOURCES = Path(language.__file__).parent
KINDS = sorted(folder.name for folder in CASES.iterdir())


def diagnosed(kind: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(CASES / kind)
    with pytest.raises(SpecError) as caught:
        load("entities")
    return f"{caught.value}\n"


@pytest.mark.parametrize("kind", KINDS)
def test_diagnostics_are_as_accepted(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = diagnosed(kind, monkeypatch)
    expected = CASES / kind / "expected.txt"
    if os.environ.get("ACCEPT"):
        expected.write_text(said, encoding="utf-8")
    assert said == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_every_diagnostic_has_a_place_that_exists(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CASES / kind)
    with pytest.raises(SpecError) as caught:
        load("entities")
    for diagnostic in caught.value.diagnostics:
        assert not Path(diagnostic.file).is_absolute()
        assert "\n" not in diagnostic.problem
        assert "\n" not in diagnostic.remedy
        if not diagnostic.line:
            continue
        lines = Path(diagnostic.file).read_bytes().decode("utf-8", "replace").split("\n")
        assert 1 <= diagnostic.line <= len(lines)
        assert 1 <= diagnostic.column <= len(lines[diagnostic.line - 1]) + 1
        assert diagnostic.length >= 1


def test_every_diagnostic_in_the_code_has_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    said: set[tuple[str, int]] = set()
    original = Location.diagnostic

    def recording(location: Location, problem: str, remedy: str = "") -> Diagnostic:
        frame = sys._getframe(1)  # noqa: SLF001 the caller is what is measured
        while frame is not None and frame.f_code.co_filename.startswith(str(SOURCES)):
            said.add((Path(frame.f_code.co_filename).name, frame.f_lineno))
            assert frame.f_back is not None
            frame = frame.f_back
        return original(location, problem, remedy)

    monkeypatch.setattr(Location, "diagnostic", recording)
    for kind in KINDS:
        diagnosed(kind, monkeypatch)
    silent = [place for place, lines in diagnostic_calls() if not said & lines]
    assert not silent, "\n".join(silent)


# What no spec file can show: a disk that fails, no files at all, an error without a place, and
# files that not every system can have.
ELSEWHERE = (
    *("error.strerror", "'no entities'", "MAX_FILES", "invalid YAML: {error}"),
    *("has no target", "is not portable"),
)


def diagnostic_calls() -> list[tuple[str, set[tuple[str, int]]]]:
    """Return the place of each call that makes a diagnostic, and the lines that it spans."""
    calls = []
    for file in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not makes_a_diagnostic(node):
                continue
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            calls.append((f"{file.name}:{node.lineno}", {(file.name, line) for line in lines}))
    return calls


def makes_a_diagnostic(node: ast.Call) -> bool:
    if any(part in ast.unparse(node) for part in ELSEWHERE):
        return False
    name = ast.unparse(node.func)
    functions = {"written.add", "written.add_at_key", "_spec_error", "self._add_problem"}
    return name in functions or name.endswith("problems.add")
