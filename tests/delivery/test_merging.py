"""Three-way merges keep both sides, or mark what they cannot decide."""

import subprocess
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crudgen.delivery.merging import Side, find_markers, merge, resolve
from tests.support.editing import edited

LINES = st.lists(st.sampled_from([*"abcde", "", "=======", "x y", "\x0c", "\u2028", "\x85"]))
ENDINGS = st.sampled_from(["\n", "\r\n"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    lines = "".join(line + "\n" for line in draw(LINES))
    return lines if draw(st.booleans()) else lines.removesuffix("\n")


@st.composite
def edits(draw: st.DrawFn) -> str:
    """A text as editors write it: with any line ends, a mark at the start, or no end."""
    ending = draw(ENDINGS)
    mark = draw(st.sampled_from(["", "\ufeff"]))
    return mark + draw(texts()).replace("\n", ending)


def plain(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


@given(before=texts(), yours=edits(), now=texts())
@example(before="a", yours="a\r\n", now="a")
@settings(max_examples=100, deadline=None)
def test_a_side_that_did_not_change_takes_the_other(before: str, yours: str, now: str) -> None:
    assert merge(before, yours, before).text == yours
    assert merge(before, before, now).text == now
    assert plain(merge(before, yours, plain(yours)).text) == plain(yours)
    assert not merge(before, yours, plain(yours)).conflicts


@given(before=texts(), yours=edits(), now=texts(), at_once=st.booleans())
@settings(max_examples=150, deadline=None)
def test_conflicts_are_marked_and_both_sides_can_be_taken(
    before: str, yours: str, now: str, *, at_once: bool
) -> None:
    merged = merge(before, yours, now, at_once=at_once)
    assert find_markers(merged.text) == merged.conflicts
    lines = plain(merged.text).split("\n")
    assert all(lines[number - 1] == "<<<<<<< yours" for number in merged.conflicts)
    assert merged.text.startswith("\ufeff") == yours.startswith("\ufeff")
    if "=======" in before + now:
        return
    for side in Side:
        chosen = merge(before, yours, now, side, at_once=at_once)
        assert not chosen.conflicts
        resolved = resolve(merged.text, side)
        assert resolved is not None
        assert resolved.rstrip("\r\n") == chosen.text.rstrip("\r\n")


@given(before=texts(), yours=texts(), now=texts())
@settings(max_examples=100, deadline=None)
def test_other_line_ends_merge_alike(before: str, yours: str, now: str) -> None:
    plainly = merge(before, yours, now)
    windows = merge(before, yours.replace("\n", "\r\n"), now)
    assert windows.conflicts == plainly.conflicts
    assert plain(windows.text) == plainly.text
    if yours.count("\n") and windows.text:
        assert "\n" not in windows.text.replace("\r\n", "")
    marked = merge(before, f"\ufeff{yours}", now)
    assert marked.text == f"\ufeff{plainly.text}"


def test_the_lines_of_a_conflict() -> None:
    merged = merge("a\nb\nc\n", "a\nmine\nc\n", "a\nnew\nc\n")
    assert merged.text == (
        "a\n<<<<<<< yours\nmine\n||||||| generated before\nb\n=======\nnew\n"
        ">>>>>>> generated now\nc\n"
    )
    assert merged.conflicts == (2,)


@pytest.mark.parametrize(
    ("before", "one", "other", "expected"),
    [
        ("a\nx\n", "a\nx\n\nblock\n", "a\ny\n", "a\ny\n\nblock\n"),
        ("x\nb\n", "block\n\nx\nb\n", "y\nb\n", "block\n\ny\nb\n"),
        ("a\nx\nb\n", "a\n1\n\nx\n\n2\nb\n", "a\nb\n", "a\n1\n\n\n2\nb\n"),
        (
            "a\nfrom .b import c\n",
            "a\nimport x.y\nfrom ..z import *\nfrom .b import c\n",
            "a\nfrom .b import d, e\n",
            "a\nimport x.y\nfrom ..z import *\nfrom .b import d, e\n",
        ),
    ],
)
def test_a_block_beside_changed_lines_is_no_conflict(
    before: str, one: str, other: str, expected: str
) -> None:
    assert merge(before, one, other).text == expected
    assert merge(before, other, one).text == expected


@pytest.mark.parametrize(
    ("before", "one", "other", "expected"),
    [
        ([], ["x"], ["y"], {"x", "y"}),
        ([], ["x"], ["x", "y"], {"x", "y"}),
        (["b", "c"], ["b", "x", "c"], ["d", "c2"], {"d", "c2", "x"}),
        (["b", "c"], ["b", "x", "c"], ["d"], {"d", "x"}),
        (["b", "c"], ["b2", "x", "c"], ["d", "c2"], None),
        (["b"], ["c = 1", "x"], ["y = 1"], None),
    ],
)
def test_imports_that_one_side_adds_are_no_conflict(
    before: list[str], one: list[str], other: list[str], expected: set[str] | None
) -> None:
    def text(names: list[str]) -> str:
        lines = (name if "=" in name else f"import {name}" for name in names)
        return "".join(f"{line}\n" for line in ("first", *lines, "", "last"))

    for yours, now in ((one, other), (other, one)):
        merged = merge(text(before), text(yours), text(now))
        if expected is None:
            assert merged.conflicts
            continue
        names = [line[7:] for line in merged.text.split("\n") if line.startswith("import")]
        assert len(names) == len({*names})
        assert {*names} == expected
        assert merged.text == text(names)


@pytest.mark.parametrize("one", ["a\nx\nnear\n", "a\nnear\nx\n", "a\nx\nnear\n\nx\n"])
def test_lines_beside_changed_lines_are_a_conflict(one: str) -> None:
    assert merge("a\nx\n", one, "a\ny\n").conflicts
    assert merge("a\nx\n", "a\ny\n", one).conflicts
    assert merge("\n", f"a\n\n{one}", "b\n").conflicts  # blank lines alone are no place


def test_own_lines_of_equal_signs_are_no_marker() -> None:
    heading = "title\n=======\n<<<<<<< HEAD\n>>>>>>> branch\n  <<<<<<< yours\n"
    assert find_markers(heading) == ()
    assert find_markers(f"{heading}||||||| generated before\r\n") == (6,)
    assert find_markers("\ufeff<<<<<<< yours\n") == (1,)


@pytest.mark.parametrize("missing", range(4))
def test_a_conflict_without_one_of_its_markers_is_not_resolved(missing: int) -> None:
    lines = merge("a\n", "b\n", "c\n").text.splitlines(keepends=True)
    del lines[[0, 2, 4, 6][missing]]
    assert resolve("".join(lines), Side.YOURS) is None
    assert find_markers("".join(lines)) != ()


def test_a_missing_newline_at_the_end_is_kept_or_added() -> None:
    assert merge("a\nb\nc\n", "a\nb\nc", "z\nb\nc\n").text == "z\nb\nc"
    assert merge("a\nb\nc\n", "a\nb\nmine", "z\nb\nc\n").text == "z\nb\nmine"
    assert merge("a\nb\nc\n", "x\nb\nc", "a\nb\nc\nd\n").text == "x\nb\nc\nd"


def test_generated_code_merges_as_git_does(root: Path, tmp_path: Path) -> None:
    files = sorted((root / "generated/app").rglob("*.py"))
    chosen = Random(14)  # noqa: S311 -- no secret
    conflicts = others = 0
    for _ in range(20):
        before = chosen.choice(files).read_text("utf-8")
        yours, now = edited(before, "mine", chosen), edited(before, "new", chosen)
        for name, text in (("yours", yours), ("before", before), ("now", now)):
            (tmp_path / name).write_text(text, "utf-8")
        labels = ("-L", "yours", "-L", "generated before", "-L", "generated now")
        command = ["git", "merge-file", "-p", "--diff3", *labels, "yours", "before", "now"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        merged = merge(before, yours, now)
        conflicts += bool(merged.conflicts)
        others += done.stdout != merged.text
        if done.returncode == 0 and not merged.conflicts:
            assert merged.text == done.stdout
    assert conflicts > 1
    assert others <= 2  # equal lines that two edits have can match in more than one way
