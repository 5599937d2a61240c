"""Compares a source tree with a folder. Reason to change: what is done with an edited file.

A generated file is edited if its content is neither the recorded nor the new one. Line endings are
ignored: git may convert them.
"""

import ast
import stat
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

from crudgen.codegen.tree import Ownership, SourceFile, SourceTree
from crudgen.delivery import journal
from crudgen.delivery.merging import Side, find_markers, merge, resolve
from crudgen.delivery.moves import exists, find_moves
from crudgen.delivery.plan import Action, Change, Plan, disown_command
from crudgen.delivery.record import Entry, read_record
from crudgen.errors import OutputError


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user chose for edited and stale files."""

    force: bool = False
    """Discard all edits of generated files, and write deleted ones again."""
    prune: bool = False
    """Remove stale files; with `force`, also edited ones."""
    ours: frozenset[str] = frozenset()
    """Paths of files whose conflicts are resolved with the user's lines."""
    theirs: frozenset[str] = frozenset()
    """Paths of files whose conflicts are resolved with the generated lines."""

    def side(self, path: str) -> Side | None:
        """Return the side that resolves the conflicts of a file, if one was chosen."""
        if path in self.ours:
            return Side.YOURS
        return Side.NOW if path in self.theirs else None


NO_CHOICES = Choices()


def compare(tree: SourceTree, out: Path, choices: Choices = NO_CHOICES) -> Plan:
    """Return what `write` does with each file of a tree and of the record of the folder.

    Raises OutputError if the folder contains something that crudgen must not change.
    """
    return _Comparison(tree, out, choices).plan()


class _Comparison:
    """The comparison of a tree with a folder."""

    def __init__(self, tree: SourceTree, out: Path, choices: Choices) -> None:
        self._tree = tree
        self._out = out
        self._choices = choices
        self._record = read_record(out)
        paths = self._record.files
        # A folder of which nothing but the record is left is written anew.
        self._is_emptied = not any(exists(out, path) for path in paths)
        self._moves = find_moves(tree, out, self._record)
        self._moving = {*self._moves.values()}

    def plan(self) -> Plan:
        once = Ownership.ONCE
        changes = [
            self._user_file_change(file)
            if file.ownership is once
            else self._generated_file_change(file)
            for file in self._tree.files
        ]
        stale = map(
            self._stale_file_change,
            sorted(self._record.files.keys() - self._tree.keys() - self._moving),
        )
        changes += (change for change in stale if change is not None)
        return Plan(self._out, tuple(changes), self._record)

    def _user_file_change(self, file: SourceFile) -> Change:
        before = _read_file(self._out, file.path, is_users=True)
        if before is None:
            return Change(file.path, Action.CREATE, None, file.text.encode())
        return Change(file.path, Action.KEEP, before, before, needs=file.needs)

    def _generated_file_change(self, file: SourceFile) -> Change:
        source = self._moves.get(file.path, file.path)
        if source == file.path and source in self._moving:  # its place is free
            entry = Entry.of(file.text, file.part, None)
            return Change(file.path, Action.CREATE, None, file.text.encode(), entry)
        stays_owned = source == file.path and source in self._record.owned
        before = _read_file(self._out, source, is_users=stays_owned)
        change = self._change_from_source(file, source, before)
        return change if source == file.path else replace(change, source=source)

    def _change_from_source(self, file: SourceFile, source: str, before: bytes | None) -> Change:
        path, text = file.path, file.text
        former = self._record.files.get(source)
        entry = Entry.of(text, file.part, former)
        kept = entry if former is None else replace(former, part=file.part)
        if source in self._record.owned:
            self._reject_side_of_owned_file(path, source)
            news = self._record.owned[source] != entry.digest
            notes = ["what is generated has changed"] if news else []
            notes += ["--force keeps it"] if self._choices.force else []
            note = "; ".join(notes)
            return Change(path, Action.OWNED, before, before, kept, note=note, owned=entry.digest)
        side = self._choices.side(path) or self._choices.side(source)
        discards = self._choices.force
        generated = text.encode()
        if before is None:
            if former is None or self._is_emptied or discards or side is Side.NOW:
                return Change(path, Action.CREATE, None, generated, entry)
            return Change(path, Action.DELETED, None, None, kept)
        digest = entry.digest if before == generated else journal.digest(before)
        if digest == entry.digest:
            return Change(path, Action.UNCHANGED, before, before, entry)
        if discards or (former is not None and digest == former.digest):
            return Change(path, Action.UPDATE, before, generated, entry)
        return _EditedFile(path, before, text, former, entry, side).change()

    def _reject_side_of_owned_file(self, path: str, source: str) -> None:
        """Raise OutputError if a side was chosen for a file that the user owns."""
        for option, paths in (("--theirs", self._choices.theirs), ("--ours", self._choices.ours)):
            if not paths.isdisjoint({path, source}):
                raise OutputError(
                    f"{self._out / source} is yours: emit does not write it, so {option} has no"
                    f" effect\n  let emit write it again with: {disown_command(self._out, source)}"
                )

    def _stale_file_change(self, path: str) -> Change | None:
        entry = self._record.files[path]
        owned = self._record.owned.get(path)
        before = _read_file(self._out, path, is_users=owned is not None)
        if before is None:
            return None
        if owned is not None:
            self._reject_side_of_owned_file(path, path)
            note = "it is no longer generated" if owned else ""  # said once
            return Change(path, Action.OWNED, before, before, entry, note=note, owned="")
        is_edited = journal.digest(before) != entry.digest
        if self._choices.prune and (self._choices.force or not is_edited):
            return Change(path, Action.REMOVE, before, None)
        action = Action.STALE_EDITED if is_edited else Action.STALE
        return Change(path, action, before, before, entry)


@dataclass(frozen=True, slots=True)
class _EditedFile:
    """An edited file: its content, the generated text, and the former and new entries."""

    path: str
    content: bytes
    text: str
    former: Entry | None
    entry: Entry
    side: Side | None

    def change(self) -> Change:
        """Return the change: the file is kept or merged, or must be resolved first."""
        base = self._former_text()
        try:
            yours = self.content.decode()
        except UnicodeDecodeError:
            return (
                self._kept_change()
                if base == self.text
                else self._unmergeable_change("it is not valid UTF-8")
            )
        if markers := find_markers(yours):
            resolved = resolve(yours, self.side) if self.side else None
            if resolved is None:
                note = "a marker of a conflict is missing" if self.side else ""
                return self._refused_change(Action.UNRESOLVED, note, markers)
            yours = resolved
        if base is None:
            return self._unmergeable_change("the record does not contain what was generated before")
        return self._merged_change(base, yours)

    def _former_text(self) -> str | None:
        """Return what was generated before. The record need not contain it if nothing changed."""
        if self.former is None:
            return None
        return self.text if self.former.digest == self.entry.digest else self.former.base

    def _merged_change(self, base: str, yours: str) -> Change:
        merged = merge(base, yours, self.text, self.side)
        note = ""
        is_parsed = self.path.endswith(".py") and merged.text != yours and not merged.conflicts
        if is_parsed and (wrong := _syntax_error(merged.text)):
            if line := _syntax_error(yours):
                return self._refused_change(Action.INVALID, "it has a syntax error", (line,))
            note = f"line {wrong} of the merged text has a syntax error"
            merged = merge(base, yours, self.text, self.side, at_once=True)
        after = merged.text.encode()
        if merged.conflicts:
            action = Action.CONFLICT
        else:
            action = Action.EDITED if after == self.content else Action.MERGE
        return Change(
            self.path, action, self.content, after, self.entry, note, lines=merged.conflicts
        )

    def _unmergeable_change(self, note: str) -> Change:
        """Return the change of a file that cannot be merged: one side, if it was chosen."""
        generated = self.text.encode()
        if self.side is Side.YOURS:
            return self._kept_change()
        if self.side is Side.NOW:
            return Change(self.path, Action.UPDATE, self.content, generated, self.entry)
        return Change(self.path, Action.NO_BASE, self.content, generated, note=note)

    def _kept_change(self) -> Change:
        return Change(self.path, Action.EDITED, self.content, self.content, self.entry)

    def _refused_change(self, action: Action, note: str, lines: tuple[int, ...]) -> Change:
        return Change(self.path, action, self.content, self.content, note=note, lines=lines)


def _syntax_error(text: str) -> int:
    """Return the line of the first syntax error of a Python module, or 0."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text.removeprefix("\ufeff"))
    except SyntaxError as error:
        return error.lineno or 1
    except ValueError:  # null bytes
        return 1
    return 0


def _read_file(out: Path, path: str, *, is_users: bool = False) -> bytes | None:
    file = journal.locate(out, path)
    kind = journal.file_type(file)
    if kind is None:
        return None
    if kind == stat.S_IFLNK:
        if is_users:
            return b""  # not read, and not written
        raise OutputError(
            f"{file} is a symbolic link, and crudgen does not write through links\n"
            "  replace it with a file, or remove it"
        )
    if kind == stat.S_IFDIR:
        raise OutputError(f"{file} is a folder, but must be a file\n  move or remove it")
    if kind != stat.S_IFREG:
        raise OutputError(f"{file} is not a regular file\n  move or remove it")
    return file.read_bytes()
