"""What a write does with an edited file, and what the record keeps of it."""

import base64
import json
import zlib
from pathlib import Path

import pytest

from crudgen.codegen.tree import SourceFile, SourceTree
from crudgen.delivery.comparing import Choices
from crudgen.delivery.disk import own, plan, undo_own, write
from crudgen.delivery.plan import Action, Change
from crudgen.delivery.record import RECORD, read_record
from crudgen.errors import OutputError

PATH = "app/a.py"
BEFORE = "a = 1\n\nb = 2\n\nc = 3\n"
NOW = "a = 1\n\nb = 2\n\nc = 4\n"
BOTH_SIDES = (Choices(ours=frozenset({PATH})), Choices(theirs=frozenset({PATH})))


def tree(text: str | None = None, **parts: str) -> SourceTree:
    """Make a tree of one file, or of the files of entities by table: `hero="app/heroes/x.py"`."""
    files = [] if text is None else [SourceFile(PATH, text)]
    return SourceTree(
        [*files, *(SourceFile(path, NOW, part=f"{table}/x.py") for table, path in parts.items())]
    )


@pytest.fixture
def out(tmp_path: Path) -> Path:
    write(tree(BEFORE), tmp_path / "out")
    return tmp_path / "out"


def merged(out: Path, edit: bytes, choices: Choices | None = None, text: str = NOW) -> Change:
    (out / PATH).write_bytes(edit)
    (change,) = write(tree(text), out, choices or Choices()).changes
    return change


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (b"a = 'me'\n\nb = 2\n\nc = 3\n", b"a = 'me'\n\nb = 2\n\nc = 4\n"),
        (b"a = 'me'\r\n\r\nb = 2\r\n\r\nc = 3\r\n", b"a = 'me'\r\n\r\nb = 2\r\n\r\nc = 4\r\n"),
        (b"\xef\xbb\xbfa = 1\n\nb = 2\n\nc = 3\n", b"\xef\xbb\xbfa = 1\n\nb = 2\n\nc = 4\n"),
        (b"a = 0\n\nb = 2\n\nc = 3", b"a = 0\n\nb = 2\n\nc = 4"),
        (b"b = 2\n\nc = 3\n", b"b = 2\n\nc = 4\n"),
    ],
)
def test_a_merge_keeps_the_bytes_of_the_owner(out: Path, edit: bytes, expected: bytes) -> None:
    assert merged(out, edit).action is Action.MERGE
    assert (out / PATH).read_bytes() == expected
    assert plan(tree(NOW), out).is_current


def test_a_change_that_the_owner_made_already_is_no_conflict(out: Path) -> None:
    edit = f"mine = 0\n{NOW}".encode()
    assert merged(out, edit).action is Action.EDITED
    assert (out / PATH).read_bytes() == edit
    assert read_record(out).files[PATH].base == NOW


def test_a_clean_merge_that_is_no_python_is_a_conflict(out: Path) -> None:
    write(tree("def f():\n    x = 1\n\n    y = 2\n"), out)
    mine = b"def f():\n    x = 1\n\n"  # the body is there as long as one of two lines is
    now = "def f():\n\n    y = 2\n"
    change = merged(out, mine, text=now)
    assert change.action is Action.CONFLICT
    assert "syntax error" in change.note
    text = (out / PATH).read_text()
    assert text == (
        "def f():\n<<<<<<< yours\n    x = 1\n\n||||||| generated before\n    x = 1\n\n    y = 2\n"
        "=======\n\n    y = 2\n>>>>>>> generated now\n"
    )
    with pytest.raises(OutputError, match="not resolved"):
        write(tree(now), out)
    for choices, expected in zip(BOTH_SIDES, (mine.decode(), now), strict=True):
        (out / PATH).write_text(text)
        write(tree(now), out, choices)
        assert (out / PATH).read_text() == expected


def test_an_edit_that_is_no_python_is_named_before_a_merge(out: Path) -> None:
    (out / PATH).write_text("a = 1\n\nb = (\n\nc = 3\n")
    assert plan(tree(BEFORE), out).is_current  # nothing to merge
    with pytest.raises(OutputError, match=r"a\.py:3: cannot be merged: it has a syntax error"):
        write(tree(NOW), out)
    (out / PATH).write_bytes(b"a = '\0'\n\nb = 2\n\nc = 3\n")
    with pytest.raises(OutputError, match=r"a\.py:1: cannot be merged"):
        write(tree(NOW), out)


def test_an_edit_of_another_encoding_cannot_be_merged(out: Path) -> None:
    edit = "# ä\n".encode("latin-1") + BEFORE.encode()
    assert merged(out, edit, text=BEFORE).action is Action.EDITED
    with pytest.raises(OutputError, match="not valid UTF-8"):
        write(tree(NOW), out)
    for choices, expected in zip(BOTH_SIDES, (edit, NOW.encode()), strict=True):
        write(tree(BEFORE), out, Choices(force=True))
        merged(out, edit, choices)
        assert (out / PATH).read_bytes() == expected


def test_equal_signs_of_the_owner_are_no_conflict(out: Path) -> None:
    edit = b'"""\nTitle\n=======\n"""\n' + BEFORE.encode()
    assert merged(out, edit).action is Action.MERGE
    assert plan(tree(NOW), out).is_current


def test_half_a_conflict_is_still_one(out: Path) -> None:
    merged(out, b"a = 1\n\nb = 2\n\nc = 'me'\n")
    lines = (out / PATH).read_text().splitlines(keepends=True)
    (out / PATH).write_text("".join(line for line in lines if line[:7] != "<<<<<<<"))
    for choices in (Choices(), *BOTH_SIDES):
        with pytest.raises(OutputError, match=r"a\.py:6: a conflict is not resolved"):
            write(tree(NOW), out, choices)


def test_a_conflict_can_be_refused(out: Path) -> None:
    edit = b"a = 1\n\nb = 2\n\nc = 'me'\n"
    (out / PATH).write_bytes(edit)
    with pytest.raises(OutputError, match="the same lines were edited"):
        write(tree(NOW), out, conflicts=False)
    assert (out / PATH).read_bytes() == edit


def test_a_check_can_refuse_before_anything_is_written(out: Path) -> None:
    def refuse(found: object) -> None:
        raise OutputError(f"no: {type(found).__name__}")

    with pytest.raises(OutputError, match="no: Plan"):
        write(tree(NOW), out, check=refuse)
    assert (out / PATH).read_text() == BEFORE


@pytest.mark.parametrize(
    "packed",
    ["", "AAAA", "not base64", "ä", base64.b64encode(zlib.compress(b"a = 1\n")).decode()],
)
def test_a_base_that_does_not_fit_its_digest_is_none(out: Path, packed: str) -> None:
    record = json.loads((out / RECORD).read_text())
    record["files"][PATH][1] = packed
    (out / RECORD).write_text(json.dumps(record))
    (out / PATH).write_text(f"mine = 0\n{BEFORE}")
    with pytest.raises(OutputError, match="does not contain what was generated before"):
        write(tree(NOW), out)
    write(tree(BEFORE), out)  # what is generated is what was generated: it is the base
    assert merged(out, f"mine = 0\n{BEFORE}".encode()).action is Action.MERGE


def test_the_line_of_a_text_that_did_not_change_stays(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = next(line for line in (out / RECORD).read_text().splitlines() if PATH in line)
    compress = zlib.compress
    monkeypatch.setattr(zlib, "compress", lambda data, _level: compress(data, 0))
    other = SourceTree([*tree(BEFORE).files, SourceFile("b.py", "b = 1\n")])
    write(other, out)
    assert f"{line},\n" in (out / RECORD).read_text()


def test_two_branches_merge_by_either_record(tmp_path: Path) -> None:
    """Each edits, changes the spec and emits; git merges the file, and leaves one record."""
    before = [f"line_{number} = 0" for number in range(12)]
    mine = {1: "mine = 1", 4: "mine = 2"}
    generated = {7: "new = 1", 10: "new = 2"}

    def text(*changes: tuple[int, str]) -> str:
        return "".join(f"{dict(changes).get(i, line)}\n" for i, line in enumerate(before))

    everything = text(*mine.items(), *generated.items())
    for side in (0, 1):
        out = tmp_path / str(side)
        edit, change = [*mine.items()][side], [*generated.items()][side]
        write(tree(text()), out)
        (out / PATH).write_text(text(edit))
        write(tree(text(change)), out)
        assert (out / PATH).read_text() == text(edit, change)
        (out / PATH).write_text(everything)  # what git makes of the files
        write(tree(text(*generated.items())), out)
        assert (out / PATH).read_text() == everything


def test_the_file_of_a_renamed_entity_takes_its_edits_along(tmp_path: Path) -> None:
    write(tree(hero="app/heroes/x.py", team="app/teams/x.py"), tmp_path)
    (tmp_path / "app/heroes/x.py").write_text(f"mine = 0\n{NOW}")
    (tmp_path / "app/heroes/own.py").write_text("own = 1\n")
    moved = SourceTree([SourceFile("app/champions/x.py", BEFORE, part="hero/x.py")])
    done = write(moved, tmp_path, Choices(prune=True))
    assert (done.changes[0].action, done.changes[0].source) == (Action.MERGE, "app/heroes/x.py")
    assert (tmp_path / "app/champions/x.py").read_text() == f"mine = 0\n{BEFORE}"
    assert [file.name for file in (tmp_path / "app/heroes").iterdir()] == ["own.py"]
    assert not (tmp_path / "app/teams").exists()
    assert [*read_record(tmp_path).files] == ["app/champions/x.py"]
    assert plan(moved, tmp_path).is_current


def test_a_former_table_finds_the_file_too(tmp_path: Path) -> None:
    write(tree(hero="app/heroes/x.py"), tmp_path)
    (tmp_path / "app/heroes/x.py").write_text(f"mine = 0\n{NOW}")
    file = SourceFile(
        "app/champions/x.py", NOW, part="champion/x.py", former_parts=("h/x.py", "hero/x.py")
    )
    write(SourceTree([file]), tmp_path)
    assert (tmp_path / "app/champions/x.py").read_text() == f"mine = 0\n{NOW}"
    assert not (tmp_path / "app/heroes").exists()
    again = write(SourceTree([file]), tmp_path)
    assert again.changes[0].action is Action.EDITED


def entity(table: str, *was: str, text: str = NOW) -> list[SourceFile]:
    kinds = ("x.py", "y.py") if table != "a" else ("x.py",)
    return [
        SourceFile(
            f"app/{table}s/{kind}",
            text,
            part=f"{table}/{kind}",
            former_parts=tuple(f"{name}/{kind}" for name in was),
        )
        for kind in kinds
    ]


def test_tables_can_take_the_names_of_others(tmp_path: Path) -> None:
    """`c` was `b`, `b` was `a`, and another `a` is new; then nothing moves any more."""
    write(SourceTree([*entity("a"), *entity("b")]), tmp_path)
    for name in "ab":
        (tmp_path / f"app/{name}s/x.py").write_text(f"mine = '{name}'\n{NOW}")
    later = SourceTree([*entity("a"), *entity("b", "a"), *entity("c", "b")])
    for _ in range(2):
        done = write(later, tmp_path)
        texts = {name: (tmp_path / f"app/{name}s/x.py").read_text() for name in "abc"}
        assert texts == {"a": NOW, "b": f"mine = 'a'\n{NOW}", "c": f"mine = 'b'\n{NOW}"}
    assert not [change for change in done.changes if change.is_written or change.source]
    (tmp_path / "app/bs/y.py").unlink()
    assert not [one for one in write(later, tmp_path).changes if one.is_written or one.source]


def test_nothing_moves_to_a_place_that_is_taken(tmp_path: Path) -> None:
    write(SourceTree([*entity("a"), *entity("b")]), tmp_path)
    for name in "ab":
        (tmp_path / f"app/{name}s/x.py").write_text(f"mine = '{name}'\n{NOW}")
    (tmp_path / "app/cs").mkdir()
    (tmp_path / "app/cs/x.py").write_text("own = 1\n")
    later = SourceTree([*entity("b", "a"), *entity("c", "b")])
    with pytest.raises(OutputError, match=r"app/cs/x\.py: cannot be merged"):
        write(later, tmp_path)
    write(later, tmp_path, Choices(ours=frozenset({"app/cs/x.py"})))
    assert (tmp_path / "app/cs/x.py").read_text() == "own = 1\n"
    assert (tmp_path / "app/bs/x.py").read_text() == f"mine = 'b'\n{NOW}"
    assert (tmp_path / "app/as/x.py").read_text() == f"mine = 'a'\n{NOW}"


def test_a_moving_file_is_named_and_chosen_by_its_former_path(tmp_path: Path) -> None:
    write(tree(hero="app/heroes/x.py"), tmp_path)
    edit = f"mine = 0\n{BEFORE}"
    (tmp_path / "app/heroes/x.py").write_text(edit)
    record = json.loads((tmp_path / RECORD).read_text())
    record["files"]["app/heroes/x.py"][1] = ""
    (tmp_path / RECORD).write_text(json.dumps(record))
    moved = SourceTree([SourceFile("app/champions/x.py", BEFORE, part="hero/x.py")])
    with pytest.raises(OutputError, match=r"app/heroes/x\.py: cannot be merged"):
        write(moved, tmp_path)
    write(moved, tmp_path, Choices(ours=frozenset({"app/heroes/x.py"})))
    assert (tmp_path / "app/champions/x.py").read_text() == edit


def test_a_new_table_with_the_former_name_of_another_has_no_edits(tmp_path: Path) -> None:
    write(tree(hero="app/heroes/x.py"), tmp_path)
    (tmp_path / "app/heroes/x.py").write_text(f"mine = 0\n{NOW}")
    champion = SourceFile(
        "app/champions/x.py", NOW, part="champion/x.py", former_parts=("hero/x.py",)
    )
    for _ in range(2):
        write(SourceTree([champion, *tree(hero="app/others/x.py").files]), tmp_path)
        assert (tmp_path / "app/champions/x.py").read_text() == f"mine = 0\n{NOW}"
        assert (tmp_path / "app/others/x.py").read_text() == NOW
        assert not (tmp_path / "app/heroes").exists()


def test_a_file_that_is_new_for_a_renamed_entity_takes_none_of_another(tmp_path: Path) -> None:
    champion = entity("champion", "a")
    write(SourceTree([champion[0], *entity("a")]), tmp_path)
    write(
        SourceTree([champion[0], *entity("a"), SourceFile("app/as/y.py", NOW, part="a/y.py")]),
        tmp_path,
    )
    (tmp_path / "app/as/y.py").write_text(f"mine = 0\n{NOW}")
    write(SourceTree([*champion, *entity("a")]), tmp_path)
    assert (tmp_path / "app/as/y.py").read_text() == f"mine = 0\n{NOW}"
    assert (tmp_path / "app/champions/y.py").read_text() == NOW


@pytest.mark.parametrize("is_owned", [True, False])
def test_a_moved_file_stays_owned_or_deleted(tmp_path: Path, *, is_owned: bool) -> None:
    write(tree(hero="app/heroes/x.py", team="app/teams/x.py"), tmp_path)
    if is_owned:
        (tmp_path / "app/heroes/x.py").write_text("mine = 0\n")
        own(tmp_path, "app/heroes/x.py")
    else:
        (tmp_path / "app/heroes/x.py").unlink()
    moved = tree(hero="app/champions/x.py", team="app/teams/x.py")
    for _ in range(2):
        write(moved, tmp_path)
        assert not (tmp_path / "app/heroes/x.py").exists()
        assert (tmp_path / "app/champions/x.py").exists() == is_owned
        assert (RECORD in str(read_record(tmp_path).owned)) is False
    assert [*read_record(tmp_path).owned] == (["app/champions/x.py"] if is_owned else [])


def test_a_file_in_the_new_place_is_not_replaced(tmp_path: Path) -> None:
    write(tree(hero="app/heroes/x.py"), tmp_path)
    (tmp_path / "app/champions").mkdir()
    (tmp_path / "app/champions/x.py").write_text("own = 1\n")
    moved = tree(hero="app/champions/x.py")
    with pytest.raises(OutputError, match="cannot be merged"):
        write(moved, tmp_path)
    assert (tmp_path / "app/champions/x.py").read_text() == "own = 1\n"


def test_only_generated_files_change_their_owner(out: Path) -> None:
    assert own(out, PATH)
    assert not own(out, PATH)
    undo_own(out, PATH)
    with pytest.raises(OutputError, match="was not taken"):
        undo_own(out, PATH)
    with pytest.raises(OutputError, match="is not a generated file"):
        own(out, "app/other.py")


def test_an_owned_file_may_be_a_link(out: Path, tmp_path: Path) -> None:
    own(out, PATH)
    (out / PATH).unlink()
    (out / PATH).symlink_to(tmp_path / "dangling")
    for text in (NOW, None):
        assert write(tree(text), out, Choices(force=True, prune=True)).changes
        assert (out / PATH).is_symlink()


def test_an_owned_file_that_is_no_longer_generated_stays_owned(out: Path) -> None:
    own(out, PATH)
    (out / PATH).write_text("mine = 1\n")
    for text, note in ((None, "no longer generated"), (None, ""), (NOW, "changed"), (NOW, "")):
        (change,) = write(tree(text), out, Choices(prune=True)).changes
        assert (change.action, bool(change.note)) == (Action.OWNED, bool(note))
        assert note in change.note
        assert (out / PATH).read_text() == "mine = 1\n"
    (change,) = write(tree(NOW), out, Choices(prune=True, force=True)).changes
    assert change.note == "--force keeps it"
    assert (out / PATH).read_text() == "mine = 1\n"
    undo_own(out, PATH)
    write(tree(NOW), out, Choices(force=True))
    assert (out / PATH).read_text() == NOW
