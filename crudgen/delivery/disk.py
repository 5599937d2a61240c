"""Writes a source tree to a folder. Reason to change: what a write must not do.

`.crudgen.json` in the folder records each file as crudgen generated it; commit it to version
control. Edits of generated files are merged with what is generated now.
"""

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from crudgen.codegen.tree import SourceTree
from crudgen.delivery import journal
from crudgen.delivery.comparing import NO_CHOICES, Choices, compare
from crudgen.delivery.plan import Action, Change, Plan
from crudgen.delivery.record import RECORD, Record, read_record
from crudgen.errors import OutputError

_DIFF_LINES_PER_FILE = 40
_DIFF_FILES = 5


class UnresolvedError(OutputError):
    """Files that the user edited must be resolved first; nothing was written."""

    def __init__(self, out: Path, changes: tuple[Change, ...], head: str = "") -> None:
        self.changes = changes
        first = head or f"{out} was not changed, because of files that you edited:"
        super().__init__(_refusal_text(first, out, changes))


def plan(tree: SourceTree, out: Path, choices: Choices = NO_CHOICES) -> Plan:
    """Return what `write` would do with a folder, which may not exist.

    Rolls back an interrupted `write` first. Raises OutputError if the folder cannot be read or
    contains something that crudgen must not change, such as a symbolic link.
    """
    with _as_output_error(out):
        if _folder_exists(out) and journal.has_unfinished_transaction(out):
            with journal.lock(out):
                journal.recover(out)
        return compare(tree, out, choices)


def write(
    tree: SourceTree,
    out: Path,
    choices: Choices = NO_CHOICES,
    *,
    check: Callable[[Plan], None] | None = None,
    conflicts: bool = True,
) -> Plan:
    """Write a tree to a folder, all files or none. Return the plan that was carried out.

    `check` can raise an OutputError before anything is written. With `conflicts`, files can get
    markers of conflicts; otherwise a conflict is an error. Raises UnresolvedError if a file must be
    resolved by the user first, and OutputError if the folder cannot be written; the folder is then
    unchanged.
    """
    with _as_output_error(out):
        existed, comparison = _folder_exists(out), None
        if not existed:
            comparison = compare(tree, out, choices)  # raises its errors before there is a folder
            out.mkdir(parents=True, exist_ok=True)
        try:
            with journal.lock(out):
                journal.recover(out)
                if comparison is None or any(out.iterdir()):
                    comparison = compare(tree, out, choices)
                _check_resolved(comparison, conflicts=conflicts)
                if check is not None:
                    check(comparison)
                journal.apply(out, comparison.contents_to_write())
        except BaseException:
            if not existed and not any(out.iterdir()):
                out.rmdir()
            raise
        return comparison


def add_files(out: Path, contents: Mapping[Path, bytes]) -> None:
    """Write files that are the user's, all or none, by their paths in the folder.

    Raises OutputError.
    """
    with _as_output_error(out), journal.lock(out):
        journal.recover(out)
        journal.apply(out, {path.as_posix(): data for path, data in contents.items()})


def recorded_paths(out: Path) -> frozenset[str]:
    """Return the paths of the generated files of a folder, which may not exist."""
    with _as_output_error(out):
        return frozenset(read_record(out).files)


def own(out: Path, path: str) -> bool:
    """Give a generated file to the user. Return whether it was crudgen's before."""
    with _record_to_change(out) as change:
        record = change.record
        if path not in record.files:
            raise OutputError(
                f"{out / path} is not a generated file\n"
                f"  {out / RECORD} lists the generated files; all others are yours already"
            )
        is_new = path not in record.owned
        digest = record.owned.get(path, record.files[path].digest)
        change.record = replace(record, owned={**record.owned, path: digest})
        return is_new


def undo_own(out: Path, path: str) -> None:
    """Undo `own`: the next `write` generates the file again, and merges its edits."""
    with _record_to_change(out) as change:
        if path not in change.record.owned:
            yours = ", ".join(sorted(change.record.owned)) or "none"
            raise OutputError(
                f"{out / path} was not taken with 'crudgen own'\n  your generated files: {yours}"
            )
        owned = {one: digest for one, digest in change.record.owned.items() if one != path}
        change.record = replace(change.record, owned=owned)


class _RecordChange:
    """A record that is written after a `with` block, if it was replaced."""

    def __init__(self, record: Record) -> None:
        self.record = record


@contextmanager
def _record_to_change(out: Path) -> Iterator[_RecordChange]:
    """Yield the record of a folder, and write it after the `with` block if that replaced it."""
    with _as_output_error(out):
        if not _folder_exists(out):
            command = f"crudgen emit --out {shlex.quote(str(out))}"
            raise OutputError(f"{out}: no such folder\n  create it with: {command}")
        with journal.lock(out):
            journal.recover(out)
            record = read_record(out)
            change = _RecordChange(record)
            yield change
            if change.record != record:
                journal.apply(out, {RECORD: change.record.to_bytes()})


@contextmanager
def _as_output_error(out: Path) -> Iterator[None]:
    """Raise OutputError for an OSError in a `with` block."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{error.filename or out}: {error.strerror or error}\n  no file in {out} was changed"
        ) from error


def _folder_exists(out: Path) -> bool:
    if out.is_dir():
        return True
    if out.exists() or out.is_symlink():
        raise OutputError(f"{out} is not a folder\n  choose another folder with --out")
    return False


def _check_resolved(comparison: Plan, *, conflicts: bool) -> None:
    """Raise UnresolvedError if a file must be resolved by the user first."""
    refused = comparison.refused
    if not conflicts:
        refused += comparison.conflicts
    if refused:
        raise UnresolvedError(comparison.out, refused)


def _refusal_text(head: str, out: Path, changes: tuple[Change, ...]) -> str:
    """Return which files must be resolved by the user, why and how."""
    parts = [head]
    for change in changes:
        places = "".join(f":{line}" for line in change.lines[:1])
        parts.append(f"  {out / (change.source or change.path)}{places}: {_problem_text(change)}")
    actions = {change.action for change in changes}
    without = [change for change in changes if change.action is Action.NO_BASE]
    for change in without[:_DIFF_FILES]:
        lines = list(change.diff())
        excerpt = lines[:_DIFF_LINES_PER_FILE]
        parts += ["", "".join(excerpt).rstrip("\n")]
        if len(lines) > len(excerpt):
            parts.append(f"… {len(lines) - len(excerpt)} more lines")
    if len(without) > _DIFF_FILES:
        parts += ["", f"… and {len(without) - _DIFF_FILES} more files"]
    if without:
        parts += ["", "(- your file, + generated)"]
    remedies = [f"  {line}" for action, line in _REMEDIES.items() if action in actions]
    if actions - {Action.INVALID}:
        remedies += ["  or choose for each file:" if remedies else "  choose for each file:"]
        remedies += _CHOICES
    parts += remedies
    return "\n".join(parts)


def _problem_text(change: Change) -> str:
    problem = {
        Action.UNRESOLVED: "a conflict is not resolved",
        Action.CONFLICT: "the same lines were edited, and are generated differently now",
        Action.INVALID: "cannot be merged",
        Action.NO_BASE: "cannot be merged",
    }[change.action]
    return f"{problem}: {change.note}" if change.note else problem


_REMEDIES = {
    Action.UNRESOLVED: (
        "edit the lines between '<<<<<<< yours' and '>>>>>>> generated now', and remove the markers"
    ),
    Action.INVALID: "correct the syntax error, or overwrite all edits with --force",
    Action.CONFLICT: "let 'crudgen emit' mark the conflicts, and resolve them",
}
_CHOICES = [
    "    --ours PATH keeps your lines, and --theirs PATH takes the generated ones",
    "    'crudgen own PATH' makes the file yours: emit does not write it any more",
    "    --force overwrites all edits of all generated files",
]
