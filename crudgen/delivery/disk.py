"""A source tree in a folder: who owns each file there, and what a person changed is never lost.

`.crudgen.json` in the folder records what crudgen wrote last: path → SHA-256, nothing else, so it
can be checked in. A generated file that is neither what was recorded nor what would be written was
edited by a person. Files that differ in line endings alone are equal (git may convert them).
"""

import difflib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from crudgen.codegen.tree import Ownership, SourceTree
from crudgen.delivery import journal
from crudgen.errors import OutputError

RECORD = ".crudgen.json"
_DIFF_LINES_PER_FILE = 40
_DIFF_FILES = 5


class Action(StrEnum):
    """What `write` does about one file."""

    CREATE = "create"
    """It is not there yet."""
    UPDATE = "update"
    """It is as crudgen wrote it, and the spec now says something else."""
    UNCHANGED = "unchanged"
    """It is what the spec generates."""
    KEEP = "keep"
    """It was written once and is the user's now."""
    EDITED = "edited"
    """It is generated, and a person changed it."""
    STALE = "stale"
    """crudgen wrote it earlier and no longer generates it."""
    STALE_EDITED = "stale-edited"
    """crudgen wrote it earlier and no longer generates it, and a person changed it."""


_SETTLED = frozenset({Action.UNCHANGED, Action.KEEP})


@dataclass(frozen=True, slots=True)
class Change:
    """One file: what is done about it, its bytes now and its text to be (None: not there)."""

    path: str
    action: Action
    before: bytes | None
    after: str | None

    def diff(self) -> Iterator[str]:
        """Yield the lines of the unified diff from the file on disk to the generated text."""
        if self.action in _SETTLED:
            return
        before = (self.before or b"").decode("utf-8", "replace").replace("\r\n", "\n")
        old = "/dev/null" if self.before is None else f"a/{self.path}"
        new = "/dev/null" if self.after is None else f"b/{self.path}"
        for line in difflib.unified_diff(_lines(before), _lines(self.after or ""), old, new):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that `write` would do in a folder."""

    out: Path
    changes: tuple[Change, ...]

    def paths(self, *actions: Action) -> tuple[str, ...]:
        """Return the paths of the files with one of these actions, sorted."""
        return tuple(change.path for change in self.changes if change.action in actions)

    @property
    def current(self) -> bool:
        """Whether the folder is what the spec generates."""
        return all(change.action in _SETTLED for change in self.changes)

    def diff(self, *, stale: bool = True) -> str:
        """Return what would change as one unified diff; `stale` shows stale files as removed."""
        shown = (change for change in self.changes if stale or change.after is not None)
        return "".join(line for change in shown for line in change.diff())


def plan(tree: SourceTree, out: Path) -> Plan:
    """Compare a tree with a folder, which need not exist.

    The folder is not changed, but for an interrupted `write`: that is undone first.
    Raises OutputError when the folder cannot be read or holds what crudgen must not touch.
    """
    with _explained(out):
        if _is_folder(out) and journal.interrupted(out):
            with journal.lock(out):
                journal.recover(out)
        return _compare(tree, out)


def write(tree: SourceTree, out: Path, *, force: bool = False, prune: bool = False) -> Plan:
    """Write a tree to a folder, all of it or nothing, and return what was done.

    `prune` removes stale files, `force` overwrites (with `prune`: removes) what a person edited.
    Raises OutputError when a generated file was edited and `force` is not given, and when the
    folder cannot be written; the folder is then as it was.
    """
    with _explained(out):
        existed = _is_folder(out)
        _compare(tree, out)
        out.mkdir(parents=True, exist_ok=True)
        try:
            with journal.lock(out):
                journal.recover(out)
                todo = _compare(tree, out)
                if not force:
                    _refuse_edited(todo)
                journal.apply(out, _to_do(todo, tree, force=force, prune=prune))
        except BaseException:
            if not existed and not any(out.iterdir()):
                out.rmdir()
            raise
        return todo


@contextmanager
def _explained(out: Path) -> Iterator[None]:
    """Turn errors of the operating system into OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{error.filename or out}: {error.strerror or error}\n  nothing in {out} was changed"
        ) from error


def _lines(text: str) -> list[str]:
    """Split at newlines alone; `splitlines` knows eight more line ends."""
    *lines, last = text.split("\n")
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def _is_folder(out: Path) -> bool:
    if out.is_dir():
        return True
    if out.exists() or out.is_symlink():
        raise OutputError(f"{out} is not a folder\n  choose another one with --out")
    return False


def _compare(tree: SourceTree, out: Path) -> Plan:
    record = _read_record(out)
    changes = []
    for file in tree.files:
        once = file.ownership is Ownership.ONCE
        before = _read(out, file.path, once=once)
        action = _action(file.text, before, record.get(file.path), once=once)
        changes.append(Change(file.path, action, before, file.text))
    for path in sorted(record.keys() - tree.keys()):
        before = _read(out, path, once=False)
        if before is not None:
            same = journal.digest(before) == record[path]
            action = Action.STALE if same else Action.STALE_EDITED
            changes.append(Change(path, action, before, None))
    return Plan(out, tuple(changes))


def _action(text: str, before: bytes | None, recorded: str | None, *, once: bool) -> Action:
    if before is None:
        return Action.CREATE
    if once:
        return Action.KEEP
    now = journal.digest(before)
    if now == journal.digest(text.encode()):
        return Action.UNCHANGED
    return Action.UPDATE if now == recorded else Action.EDITED


def _read(out: Path, path: str, *, once: bool) -> bytes | None:
    place = journal.locate(out, path)
    if place.is_symlink():
        if once:
            return b""  # the user's, and never read
        raise OutputError(
            f"{place} is a symbolic link, and crudgen does not write through links\n"
            "  replace it by a real file, or remove it"
        )
    if place.is_dir():
        raise OutputError(f"{place} is a folder, but a file is needed there\n  move it away")
    if place.exists() and not place.is_file():
        raise OutputError(f"{place} is not a file, but one is needed there\n  move it away")
    return place.read_bytes() if place.exists() else None


def _read_record(out: Path) -> dict[str, str]:
    place = out / RECORD
    if place.is_symlink():
        raise OutputError(f"{place} is a symbolic link\n  remove it")
    if not place.exists():
        return {}
    if not place.is_file():
        raise OutputError(f"{place} is not a file\n  remove it")
    try:
        data = json.loads(place.read_text("utf-8"))
        if not isinstance(data, dict) or not all(isinstance(v, str) for v in data.values()):
            raise ValueError("not a map from path to hash")  # noqa: TRY301 -- one way to say it
    except (ValueError, RecursionError) as error:
        raise OutputError(
            f"{place} cannot be read: {error}\n"
            "  restore it from version control, or delete it: every file that is not what the"
            " spec generates then counts as edited"
        ) from error
    return data


def _to_do(todo: Plan, tree: SourceTree, *, force: bool, prune: bool) -> dict[str, bytes | None]:
    """Return the files to write and to remove, the bookkeeping file among them."""
    written = {Action.CREATE, Action.UPDATE, Action.EDITED}
    removed = {Action.STALE} if prune else set()
    if prune and force:
        removed.add(Action.STALE_EDITED)
    changes: dict[str, bytes | None] = {}
    old = _read_record(todo.out)
    record = {
        file.path: journal.digest(file.text.encode())
        for file in tree.files
        if file.ownership is Ownership.GENERATED
    }
    for change in todo.changes:
        if change.after is None and change.action not in removed:
            record[change.path] = old[change.path]
        elif change.after is None:
            changes[change.path] = None
        elif change.action in written:
            changes[change.path] = change.after.encode()
    if record != old:
        text = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False)
        changes[RECORD] = f"{text}\n".encode()
    return changes


def _refuse_edited(todo: Plan) -> None:
    edited = [change for change in todo.changes if change.action is Action.EDITED]
    if not edited:
        return
    parts = ["these generated files were edited, and crudgen would overwrite them:"]
    parts += [f"  {todo.out / change.path}" for change in edited]
    for change in edited[:_DIFF_FILES]:
        lines = list(change.diff())
        shown = lines[:_DIFF_LINES_PER_FILE]
        parts += ["", "".join(shown).rstrip("\n")]
        if len(lines) > len(shown):
            parts.append(f"… {len(lines) - len(shown)} more lines")
    if len(edited) > _DIFF_FILES:
        parts += ["", f"… and {len(edited) - _DIFF_FILES} more files"]
    parts += [
        "",
        "(- is your file, + is what crudgen would write) The ways out:",
        "  move your code to app/main.py or to a module of your own; both are never overwritten",
        "  delete the file, and crudgen writes it again",
        "  --force overwrites all of them",
    ]
    raise OutputError("\n".join(parts))
