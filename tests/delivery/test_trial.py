"""A merged application is created before it is written, if it has edits."""

from pathlib import Path

import pytest

from crudgen.codegen.tree import Ownership, SourceFile, SourceTree
from crudgen.delivery import trial
from crudgen.delivery.disk import write
from crudgen.delivery.plan import Plan
from crudgen.delivery.trial import Trial
from crudgen.errors import OutputError

MAIN = "from .a import value\napp = value\n"
BEFORE = "value = 1\n\nb = 2\n\nc = 3\n"


def tree(a: str, main: str = MAIN) -> SourceTree:
    return SourceTree(
        [
            SourceFile("app/__init__.py", ""),
            SourceFile("app/a.py", a),
            SourceFile("app/main.py", main, Ownership.ONCE),
            SourceFile("tests/test_a.py", ""),
        ]
    )


@pytest.fixture
def out(tmp_path: Path) -> Path:
    write(tree(BEFORE), tmp_path / "out")
    return tmp_path / "out"


def tried(out: Path, now: str) -> str:
    """Write with a trial, and return its note."""
    check = Trial(print)
    write(tree(now), out, check=check)
    return check.note


def edit(out: Path, old: str, new: str) -> None:
    (out / "app/a.py").write_text(BEFORE.replace(old, new))


def test_a_trial_that_takes_long_is_reported_once(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(out, "c = 3", "import time; time.sleep(0.5)")
    monkeypatch.setattr(trial, "REPORT_AFTER_SECONDS", 60)
    tried(out, BEFORE.replace("value = 1", "value = 7"))
    assert not capsys.readouterr().out
    monkeypatch.setattr(trial, "REPORT_AFTER_SECONDS", 0.1)
    tried(out, BEFORE.replace("value = 1", "value = 8"))
    text = f"waiting for the merged application to start, before {out} is written …\n"
    assert capsys.readouterr().out == text


def test_a_merge_that_starts_is_written(out: Path) -> None:
    edit(out, "c = 3", "c = value + 3")
    (out / "app/large.bin").write_bytes(bytes(2_000_000))
    (out / ".venv").mkdir()
    (out / "dangling").symlink_to("nowhere")
    assert not tried(out, BEFORE.replace("value = 1", "value = 7"))
    assert (out / "app/a.py").read_text() == "value = 7\n\nb = 2\n\nc = value + 3\n"
    assert not list(out.rglob("__pycache__"))


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("c = valu", "app/a.py:6: NameError: name 'valu' is not defined"),
        ("import nothing_like_it", "app/a.py:6: ModuleNotFoundError: No module named 'nothing_l"),
        ("raise SystemExit(3)", "app/a.py:6: SystemExit: 3"),
        ("import os; os._exit(3)", "the process ended with exit code 3"),
        ("import os; os.write(2, b'gone\\n'); os._exit(0)", "gone"),
        ("raise ValueError('first\\nsecond')", "app/a.py:6: ValueError: first second"),
        ("raise ValueError", "app/a.py:6: ValueError"),
        ("raise ValueError(__file__)", "app/a.py:6: ValueError: app/a.py"),
    ],
)
def test_an_error_is_told_with_its_place(out: Path, code: str, problem: str) -> None:
    edit(out, "c = 3", f"if value == 7:\n    {code}")
    problem = problem.replace("app/a.py:6", str(out / "app/a.py:6"))
    before = (out / "app/a.py").read_bytes()
    with pytest.raises(OutputError) as caught:
        tried(out, BEFORE.replace("value = 1", "value = 7"))
    assert f"\n  {problem}" in str(caught.value)
    assert "--no-try" in str(caught.value)
    assert (out / "app/a.py").read_bytes() == before


def test_an_application_that_failed_before_is_no_reason(out: Path) -> None:
    edit(out, "c = 3", "c = nothing")
    note = tried(out, BEFORE.replace("value = 1", "value = 7"))
    assert "does not start before the merge either" in note
    assert "NameError" in note
    assert (out / "app/a.py").read_text().startswith("value = 7\n")


def test_an_error_in_another_file_is_named_there(out: Path) -> None:
    edit(out, "value = 1\n\nb = 2", "value = 1\n\nb = 2  # mine")
    with pytest.raises(
        OutputError, match=r"app/main\.py:1: ImportError: cannot import name 'value'"
    ):
        tried(out, BEFORE.replace("value = 1", "valeur = 1").replace("c = 3", "c = 4"))


@pytest.mark.parametrize("what", ["unedited", "kept", "tests", "conflict", "no main"])
def test_what_needs_no_trial(out: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    now = BEFORE.replace("value = 1", "broken")
    match what:
        case "kept":
            edit(out, "c = 3", "c = broken")
            now = BEFORE
        case "tests":
            (out / "tests/test_a.py").write_text("mine = 1\n")
        case "conflict":
            edit(out, "value = 1", "value = 2")
        case "no main":
            edit(out, "c = 3", "c = 4")
            (out / "app/main.py").unlink()
    write_tree = SourceTree(
        file for file in tree(now).files if what != "no main" or "main" not in file.path
    )

    def fail(*_: object, **_options: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr("subprocess.run", fail)
    done: list[Plan] = [write(write_tree, out, check=Trial(print))]
    assert done[0].changes
