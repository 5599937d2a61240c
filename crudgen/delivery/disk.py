"""Writes a source tree to a folder. Reason to change: which files are overwritten.

`.crudgen.json` in the folder records the SHA-256 of each file as crudgen wrote it; commit it to
version control. A generated file is edited if its content is neither the recorded nor the new one.
Line endings are ignored: git may convert them.
"""

import difflib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from crudgen.codegen.needs import MissingLine, Need
from crudgen.codegen.tree import Ownership, SourceTree
from crudgen.delivery import journal
from crudgen.errors import OutputError

RECORD = ".crudgen.json"
_DIFF_LINES_PER_FILE = 40
_DIFF_FILES = 5


class Action(StrEnum):
    """State of a file, which decides what `write` does with it."""

    CREATE = "create"
    """The file does not exist."""
    UPDATE = "update"
    """The file is as crudgen wrote it, but the spec now generates another content."""
    UNCHANGED = "unchanged"
    """The file has the generated content."""
    KEEP = "keep"
    """The file belongs to the user."""
    EDITED = "edited"
    """The file is generated, but was edited."""
    STALE = "stale"
    """The file is as crudgen wrote it, but is no longer generated."""
    STALE_EDITED = "stale-edited"
    """The file is no longer generated, and was edited."""


_CURRENT = frozenset({Action.UNCHANGED, Action.KEEP})


@dataclass(frozen=True, slots=True)
class Change:
    """A file: its state, its content on disk and its generated text (None if absent)."""

    path: str
    action: Action
    before: bytes | None
    after: str | None
    needs: tuple[Need, ...] = ()
    """What the file must contain if it belongs to the user."""

    def missing_lines(self) -> Iterator[MissingLine]:
        """Yield the lines that a file of the user lacks."""
        if self.action is Action.KEEP and self.before is not None:
            text = self.before.decode("utf-8-sig", "replace")
            for need in self.needs:
                yield from need.missing_lines(text)

    def diff(self) -> Iterator[str]:
        """Yield the lines of a unified diff from the file on disk to the generated text."""
        if self.action in _CURRENT:
            return
        before = (self.before or b"").decode("utf-8", "replace").replace("\r\n", "\n")
        old = "/dev/null" if self.before is None else f"a/{self.path}"
        new = "/dev/null" if self.after is None else f"b/{self.path}"
        for line in difflib.unified_diff(_lines(before), _lines(self.after or ""), old, new):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


@dataclass(frozen=True, slots=True)
class Plan:
    """The comparison of a folder with a source tree: the state of each file."""

    out: Path
    changes: tuple[Change, ...]

    def paths_with(self, *actions: Action) -> tuple[str, ...]:
        """Return the sorted paths of the files that are in one of these states."""
        return tuple(change.path for change in self.changes if change.action in actions)

    @property
    def is_current(self) -> bool:
        """Whether the folder contains what the spec generates, and nothing stale."""
        return all(change.action in _CURRENT for change in self.changes)

    def diff(self, *, stale: bool = True) -> str:
        """Return a unified diff from the folder to the tree; with `stale`, also for stale files."""
        selected = (change for change in self.changes if stale or change.after is not None)
        return "".join(line for change in selected for line in change.diff())


def plan(tree: SourceTree, out: Path) -> Plan:
    """Return the comparison of a tree with a folder, which may not exist.

    Rolls back an interrupted `write` first. Raises OutputError if the folder cannot be read or
    contains something that crudgen must not change, such as a symbolic link.
    """
    with _as_output_error(out):
        if _is_folder(out) and journal.has_transaction(out):
            with journal.lock(out):
                journal.recover(out)
        return _compare(tree, out)


def write(tree: SourceTree, out: Path, *, force: bool = False, prune: bool = False) -> Plan:
    """Write a tree to a folder, all files or none. Return the comparison before the write.

    `prune` removes stale files. `force` overwrites edited files, and with `prune` removes them.
    Raises OutputError if a generated file was edited and `force` is not set, or if the folder
    cannot be written; the folder is then unchanged.
    """
    with _as_output_error(out):
        existed = _is_folder(out)
        _compare(tree, out)
        out.mkdir(parents=True, exist_ok=True)
        try:
            with journal.lock(out):
                journal.recover(out)
                comparison = _compare(tree, out)
                if not force:
                    _reject_edited(comparison)
                journal.apply(out, _file_changes(comparison, tree, force=force, prune=prune))
        except BaseException:
            if not existed and not any(out.iterdir()):
                out.rmdir()
            raise
        return comparison


@contextmanager
def _as_output_error(out: Path) -> Iterator[None]:
    """Raise OutputError for an OSError in a `with` block."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{error.filename or out}: {error.strerror or error}\n  no file in {out} was changed"
        ) from error


def _lines(text: str) -> list[str]:
    """Return the lines of a text. Unlike `splitlines`, split at line feeds only."""
    *lines, last = text.split("\n")
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def _is_folder(out: Path) -> bool:
    if out.is_dir():
        return True
    if out.exists() or out.is_symlink():
        raise OutputError(f"{out} is not a folder\n  choose another folder with --out")
    return False


def _compare(tree: SourceTree, out: Path) -> Plan:
    record = _read_record(out)
    changes = []
    for file in tree.files:
        once = file.ownership is Ownership.ONCE
        before = _read(out, file.path, once=once)
        action = _action(file.text, before, record.get(file.path), once=once)
        changes.append(Change(file.path, action, before, file.text, file.needs))
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
    file = journal.locate(out, path)
    if file.is_symlink():
        if once:
            return b""  # owned by the user: not read
        raise OutputError(
            f"{file} is a symbolic link, and crudgen does not write through links\n"
            "  replace it with a file, or remove it"
        )
    if file.is_dir():
        raise OutputError(f"{file} is a folder, but must be a file\n  move or remove it")
    if file.exists() and not file.is_file():
        raise OutputError(f"{file} is not a regular file\n  move or remove it")
    return file.read_bytes() if file.exists() else None


def _read_record(out: Path) -> dict[str, str]:
    file = out / RECORD
    if file.is_symlink():
        raise OutputError(f"{file} is a symbolic link, but must be a file\n  remove it")
    if not file.exists():
        return {}
    if not file.is_file():
        raise OutputError(f"{file} is not a regular file\n  remove it")
    try:
        data = json.loads(file.read_text("utf-8"))
        if not isinstance(data, dict) or not all(isinstance(v, str) for v in data.values()):
            raise ValueError("not a map from path to hash")  # noqa: TRY301 -- handled with the other errors
    except (ValueError, RecursionError) as error:
        raise OutputError(
            f"{file} cannot be read: {error}\n"
            "  restore it from version control, or delete it: files that differ from the generated"
            " ones then count as edited"
        ) from error
    return data


def _file_changes(
    comparison: Plan, tree: SourceTree, *, force: bool, prune: bool
) -> dict[str, bytes | None]:
    """Return the files to write (bytes) and remove (None), including the record."""
    written = {Action.CREATE, Action.UPDATE, Action.EDITED}
    removed = {Action.STALE} if prune else set()
    if prune and force:
        removed.add(Action.STALE_EDITED)
    changes: dict[str, bytes | None] = {}
    old = _read_record(comparison.out)
    record = {
        file.path: journal.digest(file.text.encode())
        for file in tree.files
        if file.ownership is Ownership.GENERATED
    }
    for change in comparison.changes:
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


def _reject_edited(comparison: Plan) -> None:
    edited = [change for change in comparison.changes if change.action is Action.EDITED]
    if not edited:
        return
    parts = ["these generated files were edited; emit would overwrite them:"]
    parts += [f"  {comparison.out / change.path}" for change in edited]
    for change in edited[:_DIFF_FILES]:
        lines = list(change.diff())
        excerpt = lines[:_DIFF_LINES_PER_FILE]
        parts += ["", "".join(excerpt).rstrip("\n")]
        if len(lines) > len(excerpt):
            parts.append(f"… {len(lines) - len(excerpt)} more lines")
    if len(edited) > _DIFF_FILES:
        parts += ["", f"… and {len(edited) - _DIFF_FILES} more files"]
    parts += [
        "",
        "(- your file, + generated) Choose one:",
        "  move your code to app/main.py or to a new module; emit never overwrites them",
        "  delete a file to generate it again",
        "  use --force to overwrite all of them",
    ]
    raise OutputError("\n".join(parts))
