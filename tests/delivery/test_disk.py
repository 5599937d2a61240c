import json
import logging
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from crudgen.codegen import Ownership, SourceFile, SourceTree
from crudgen.codegen.needs import MissingLine
from crudgen.delivery import journal
from crudgen.delivery.comparing import Choices
from crudgen.delivery.disk import plan, write
from crudgen.delivery.plan import Action
from crudgen.delivery.record import RECORD, read_record
from crudgen.errors import OutputError
from tests.delivery.interrupted import DONE, IGNORED, REFUSED, Writes
from tests.delivery.trees import MERGED, NEW, OLD, make_tree


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every file with its bytes, every folder with None."""
    return {
        path.relative_to(folder).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "generated"
    write(make_tree(OLD), folder)
    return folder


def test_a_wait_for_another_process_is_reported(
    out: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal, "REPORT_AFTER_SECONDS", 0.1)
    thread = threading.Thread(target=write, args=(make_tree(NEW), out))
    with caplog.at_level(logging.WARNING), journal.lock(out):
        thread.start()
        while not caplog.messages:
            thread.join(0.01)
            assert thread.is_alive()
    thread.join()
    assert caplog.messages == [f"waiting for another crudgen process that writes to {out} …"]
    assert (out / "app/api.py").read_text() == NEW["app/api.py"]


def test_a_first_write_creates_everything(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "generated"
    assert plan(make_tree(OLD), out).paths_with(Action.CREATE) == tuple(sorted(OLD))
    assert not out.exists()
    write(make_tree(OLD), out)
    for path, text in OLD.items():
        assert (out / path).read_bytes() == text.encode()
    assert plan(make_tree(OLD), out).is_current


def test_the_record_is_sorted_and_says_nothing_else(out: Path) -> None:
    text = (out / RECORD).read_text()
    record = json.loads(text)["files"]
    assert list(record) == ["app/__init__.py", "app/api.py", *sorted(record)[2:]]
    assert set(record) == {path for path in OLD if not path.endswith(("main.py", ".md"))}
    assert all(len(digest) == 64 for digest, *_ in record.values())
    assert {path: entry.base for path, entry in read_record(out).files.items()} == {
        path: OLD[path] for path in record
    }
    assert all(text.count(f'\n"{path}": [') == 1 for path in record)  # one line a file


def test_a_second_write_touches_nothing(out: Path) -> None:
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    write(make_tree(OLD), out)
    assert times == {path: path.stat().st_mtime_ns for path in out.rglob("*")}


def test_each_file_gets_what_its_ownership_says(out: Path) -> None:
    todo = write(make_tree(NEW), out)
    assert todo.paths_with(Action.CREATE) == ("app/heroes/routes/x.py",)
    assert todo.paths_with(Action.UPDATE) == (
        "app/api.py",
        "app/champions/models.py",
        "app/heroes/models.py",
    )
    assert todo.paths_with(Action.KEEP) == ("README.md", "app/main.py")
    assert todo.paths_with(Action.UNCHANGED) == ("app/__init__.py",)
    assert todo.paths_with(Action.STALE) == ("app/teams/models.py",)
    assert (out / "app/main.py").read_text() == "main = 1\n"
    assert (out / "app/api.py").read_text() == "api = 2\n"
    assert (out / "app/teams/models.py").exists()
    again = plan(make_tree(NEW), out)
    assert again.paths_with(Action.STALE) == ("app/teams/models.py",)
    assert not again.is_current


def test_prune_removes_stale_files_and_their_folders(out: Path) -> None:
    cache = out / "app/teams/__pycache__"
    cache.mkdir()
    (cache / "models.cpython-311.pyc").write_bytes(b"")
    write(make_tree(NEW), out, Choices(prune=True))
    assert not (out / "app/teams").exists()
    assert plan(make_tree(NEW), out).is_current


def test_prune_leaves_a_folder_with_a_persons_file(out: Path) -> None:
    (out / "app/teams/mine.py").write_text("mine\n")
    write(make_tree(NEW), out, Choices(prune=True))
    assert [path.name for path in (out / "app/teams").iterdir()] == ["mine.py"]


def test_an_edited_stale_file_needs_force(out: Path) -> None:
    stale = out / "app/teams/models.py"
    stale.write_text("team = 'mine'\n")
    todo = write(make_tree(NEW), out, Choices(prune=True))
    assert todo.is_current is False
    assert todo.paths_with(Action.STALE_EDITED) == ("app/teams/models.py",)
    assert stale.exists()
    write(make_tree(NEW), out, Choices(prune=True, force=True))
    assert not stale.exists()


def without_bases(out: Path) -> None:
    """Write the record as version 0.1.0 did."""
    record = read_record(out)
    digests = {path: entry.digest for path, entry in record.files.items()}
    (out / RECORD).write_text(json.dumps(digests, indent=2) + "\n")


def test_without_a_base_an_edit_is_refused_with_its_diff_and_the_ways_out(out: Path) -> None:
    without_bases(out)
    (out / "app/api.py").write_text("api = 'mine'\n")
    before = snapshot(out)
    with pytest.raises(OutputError) as caught:
        write(make_tree(NEW), out, Choices(prune=True))
    message = str(caught.value)
    assert "-api = 'mine'\n+api = 2" in message
    assert str(out / "app/api.py") in message
    assert all(way in message for way in ("--force", "--ours", "--theirs", "crudgen own"))
    assert snapshot(out) == before


def test_force_overwrites_what_was_edited_but_no_file_of_the_user(out: Path) -> None:
    (out / "app/api.py").write_text("api = 'mine'\n")
    (out / "app/main.py").write_text("main = 'mine'\n")
    write(make_tree(NEW), out, Choices(force=True))
    assert (out / "app/api.py").read_text() == "api = 2\n"
    assert (out / "app/main.py").read_text() == "main = 'mine'\n"


def test_the_shown_diff_is_bounded(out: Path) -> None:
    without_bases(out)
    (out / "app/api.py").write_text("".join(f"line {n}\n" for n in range(10_000)))
    with pytest.raises(OutputError) as caught:
        write(make_tree(NEW), out)
    assert len(str(caught.value).splitlines()) < 70
    assert "more lines" in str(caught.value)


def test_an_edit_that_says_what_would_be_written_is_no_edit(out: Path) -> None:
    (out / "app/api.py").write_text("api = 2\n")
    assert "app/api.py" in write(make_tree(NEW), out).paths_with(Action.UNCHANGED)
    assert plan(make_tree(NEW), out).paths_with(Action.EDITED) == ()


def test_without_a_record_a_differing_file_counts_as_edited(out: Path) -> None:
    (out / RECORD).unlink()
    assert plan(make_tree(OLD), out).is_current
    assert plan(make_tree(NEW), out).paths_with(Action.NO_BASE) == (
        "app/api.py",
        "app/heroes/models.py",
    )


def test_a_deleted_file_stays_deleted_until_it_is_asked_for(out: Path) -> None:
    (out / "app/api.py").unlink()
    (out / "app/main.py").unlink()
    for tree in (OLD, NEW):
        assert plan(make_tree(tree), out).paths_with(Action.DELETED) == ("app/api.py",)
        write(make_tree(tree), out)
        assert not (out / "app/api.py").exists()
        assert (out / "app/main.py").exists()
    write(make_tree(NEW), out, Choices(theirs=frozenset({"app/api.py"})))
    assert (out / "app/api.py").read_text() == NEW["app/api.py"]


@pytest.mark.parametrize("force", [False, True])
def test_a_deleted_file_that_comes_back_is_no_edit(out: Path, force: bool) -> None:
    (out / "app/api.py").unlink()
    write(make_tree(NEW), out)
    (out / "app/api.py").write_text(OLD["app/api.py"])
    write(make_tree(NEW), out, Choices(force=force))
    assert (out / "app/api.py").read_text() == NEW["app/api.py"]


def test_force_writes_deleted_files_again(out: Path) -> None:
    (out / "app/api.py").unlink()
    write(make_tree(OLD), out, Choices(force=True))
    assert (out / "app/api.py").exists()


def test_a_folder_with_nothing_but_the_record_is_written_anew(out: Path) -> None:
    shutil.rmtree(out / "app")
    (out / "README.md").unlink()
    write(make_tree(NEW), out)
    assert {path for path in NEW if (out / path).exists()} == set(NEW)


def test_a_removed_stale_file_is_forgotten(out: Path) -> None:
    (out / "app/teams/models.py").unlink()
    write(make_tree(NEW), out)
    assert "app/teams/models.py" not in read_record(out).files


def test_line_endings_alone_are_no_difference(out: Path) -> None:
    for path in out.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert plan(make_tree(OLD), out).is_current
    todo = write(make_tree(NEW), out)
    assert todo.paths_with(Action.EDITED) == ()
    assert (out / "app/api.py").read_bytes() == b"api = 2\n"
    assert (out / "app/champions/models.py").read_text() == NEW["app/champions/models.py"]


def test_the_diff_applies(out: Path) -> None:
    (out / "app/heroes/models.py").write_bytes(b"hero = 'no newline'")
    diff = plan(make_tree(NEW), out, Choices(force=True, prune=True)).diff()
    assert "+++ /dev/null" in diff
    assert "\\ No newline at end of file" in diff
    subprocess.run(["git", "apply", "-"], cwd=out, input=diff.encode(), check=True)
    assert not (out / "app/teams/models.py").exists()
    assert plan(make_tree(NEW), out).is_current
    assert "teams" not in plan(make_tree(NEW), out).diff()


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "{", '{"a": 1}', "\x00", "<<<<<<< HEAD\n", '{"files": {"a": []}}'),
        *('{"files": {"a": "b"}}', '{"files": {"a": [1]}}', '{"files": {}, "owned": ["a"]}'),
    ],
)
def test_a_broken_record_is_said_so(out: Path, text: str) -> None:
    (out / RECORD).write_text(text)
    with pytest.raises(OutputError, match="cannot be read"):
        write(make_tree(NEW), out)


@pytest.mark.parametrize(
    "path", ["../outside.py", "/outside.py", "app/../../x.py", "C:\\x.py", "a//b", "", "."]
)
def test_no_path_leads_outside(out: Path, path: str) -> None:
    with pytest.raises(OutputError, match="not a path inside"):
        write(make_tree({path: "x\n"}), out)
    (out / RECORD).write_text(json.dumps({path: "0" * 64}))
    with pytest.raises(OutputError, match="not a path inside"):
        write(make_tree(NEW), out, Choices(prune=True, force=True))


def test_a_linked_folder_is_refused(out: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (out / "app").rename(elsewhere)
    (out / "app").symlink_to(elsewhere)
    before = snapshot(elsewhere)
    for force in (False, True):
        with pytest.raises(OutputError, match="symbolic link"):
            write(make_tree(NEW), out, Choices(force=force, prune=True))
    assert snapshot(elsewhere) == before


def test_a_linked_file_is_refused(out: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious\n")
    (out / "app/api.py").unlink()
    (out / "app/api.py").symlink_to(victim)
    with pytest.raises(OutputError, match="symbolic link"):
        write(make_tree(NEW), out, Choices(force=True))
    assert victim.read_text() == "precious\n"


def test_a_users_file_may_be_a_link(out: Path, tmp_path: Path) -> None:
    (out / "app/main.py").unlink()
    (out / "app/main.py").symlink_to(tmp_path / "dangling")
    assert "app/main.py" in write(make_tree(NEW), out).paths_with(Action.KEEP)
    assert (out / "app/main.py").is_symlink()


def test_linked_bookkeeping_is_refused(out: Path, tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    (out / ".crudgen-staging").symlink_to(tmp_path / "away")
    with pytest.raises(OutputError, match="not a folder of crudgen"):
        write(make_tree(NEW), out)
    (out / ".crudgen-staging").unlink()
    (out / RECORD).rename(tmp_path / "record")
    (out / RECORD).symlink_to(tmp_path / "record")
    with pytest.raises(OutputError, match="symbolic link"):
        write(make_tree(NEW), out)


def test_a_folder_in_the_place_of_a_file_and_the_reverse(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is not a folder"):
        write(make_tree(NEW), tmp_path / "file")
    (tmp_path / "one/app/api.py").mkdir(parents=True)
    with pytest.raises(OutputError, match="is a folder"):
        write(make_tree(NEW), tmp_path / "one")
    (tmp_path / "two").mkdir()
    (tmp_path / "two/app").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        write(make_tree(NEW), tmp_path / "two")


def test_a_system_error_is_explained_and_changes_nothing(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(out)

    def full(self: Path, _data: bytes) -> int:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write(make_tree(NEW), out)
    with pytest.raises(OutputError, match="No space left on device"):
        write(make_tree(NEW), out.parent / "new")
    assert snapshot(out) == before
    assert not (out.parent / "new").exists()


def write_edited(out: Path) -> None:
    """Write OLD, and edit a file that NEW changes and moves."""
    write(make_tree(OLD), out)
    edited = out / "app/fighters/models.py"
    edited.write_text(edited.read_text() + "mine = 3\n")


@pytest.fixture(scope="module")
def writes() -> Iterator[Writes]:
    with Writes() as started:
        yield started


def test_a_kill_at_every_step_leaves_the_old_tree_or_the_new(
    tmp_path: Path, writes: Writes
) -> None:
    states = set()
    for step in range(200):
        out = tmp_path / str(step)
        write_edited(out)
        old = snapshot(out)
        if not writes.kill(step, out):
            break
        if (out / ".crudgen-staging/journal.json").exists():
            states.add("restored")
        todo = plan(make_tree(NEW), out)
        if todo.is_current:
            states.add("new")
            assert not (out / "app/teams/models.py").exists()
        else:
            assert snapshot(out) == old, step
        write(make_tree(NEW), out, Choices(prune=True))
        assert plan(make_tree(NEW), out).is_current
        assert not (out / ".crudgen-staging").exists()
        assert not (out / "app/teams/models.py").exists()
        assert not (out / "app/fighters/models.py").exists()
        assert (out / "app/champions/models.py").read_text() == MERGED
    else:
        pytest.fail("the write never came to its end")
    assert states == {"restored", "new"}
    assert step > 20


def test_an_exception_at_every_step_is_undone(tmp_path: Path, writes: Writes) -> None:
    codes = set()
    for step in range(200):
        out = tmp_path / str(step)
        write_edited(out)
        old = snapshot(out)
        code, message = writes.fail(step, out)
        if code == DONE:
            break
        codes.add(code)
        if code == REFUSED:
            assert "injected" in message
            assert snapshot(out) == old, step
        else:  # a folder that exists already, or staging that the next write removes
            assert plan(make_tree(NEW), out).is_current, step
    assert codes == {REFUSED, IGNORED}
    assert step > 20


def test_a_kill_during_the_restoring_is_restored_too(tmp_path: Path, writes: Writes) -> None:
    # Near its end: after the journal was written and most files were replaced.
    for step in range(15, 200):
        out = tmp_path / str(step)
        write_edited(out)
        assert writes.kill(step, out)
        is_replaced = not (out / "app/teams/models.py").exists()
        if is_replaced and (out / ".crudgen-staging/journal.json").exists():
            break
    for again in range(100):
        if not writes.kill(again, out):
            break
    plan(make_tree(OLD), out)
    assert plan(make_tree(NEW), out).is_current
    assert (out / "app/champions/models.py").read_text() == MERGED


def test_an_edit_after_a_kill_survives_the_restoring(tmp_path: Path, writes: Writes) -> None:
    out = tmp_path / "out"
    for step in range(200):
        write(make_tree(OLD), out, Choices(force=True, prune=True))
        writes.kill(step, out)
        if (out / "app/api.py").read_text() == "api = 2\n":
            break
    assert (out / ".crudgen-staging/journal.json").exists()
    (out / "app/api.py").write_text("api = 'mine'\n")
    assert plan(make_tree(NEW), out).paths_with(Action.CONFLICT) == ("app/api.py",)
    assert (out / "app/api.py").read_text() == "api = 'mine'\n"


def test_a_folder_that_cannot_be_made_is_explained() -> None:
    with pytest.raises(OutputError, match="Not a directory"):
        write(make_tree(NEW), Path("/dev/null/generated"))


class Word:
    """A need of one word."""

    def missing_lines(self, text: str) -> Iterator[MissingLine]:
        if "word" not in text:
            yield MissingLine("word", "anywhere")


def test_only_kept_files_lack_lines(tmp_path: Path) -> None:
    needs = (Word(),)
    tree = SourceTree(
        [
            SourceFile("mine.py", "word\n", Ownership.ONCE, needs),
            SourceFile("new.py", "without\n", Ownership.ONCE, needs),
            SourceFile("generated.py", "without\n", Ownership.GENERATED, needs),
            SourceFile("other.py", "without\n", Ownership.ONCE),
        ]
    )
    write(tree, tmp_path)
    (tmp_path / "new.py").unlink()
    (tmp_path / "mine.py").write_text("edited\n")

    def lacking() -> dict[str, list[MissingLine]]:
        changes = plan(tree, tmp_path).changes
        return {each.path: lines for each in changes if (lines := [*each.missing_lines()])}

    assert lacking() == {"mine.py": [MissingLine("word", "anywhere")]}
    assert plan(tree, tmp_path).paths_with(Action.CREATE) == ("new.py",)
    (tmp_path / "mine.py").write_text("a word\n")
    assert lacking() == {}
