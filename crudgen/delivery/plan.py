"""What a write does with each file of a folder. Reason to change: another state of a file."""

import difflib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from crudgen.codegen.needs import MissingLine, Need
from crudgen.delivery.record import RECORD, Entry, Record


class Action(StrEnum):
    """State of a file, which decides what `write` does with it."""

    CREATE = "create"
    """The file does not exist."""
    UPDATE = "update"
    """The spec generates another content, and the file has no edits that are kept."""
    UNCHANGED = "unchanged"
    """The file has the generated content."""
    KEEP = "keep"
    """The file belongs to the user from the start."""
    EDITED = "edited"
    """The file was edited, and contains all that is generated; it is kept."""
    MERGE = "merge"
    """The file was edited, and the spec now generates another content: both are merged."""
    CONFLICT = "conflict"
    """The same lines were edited and are generated differently: the file gets markers."""
    UNRESOLVED = "unresolved"
    """The file contains markers of a conflict: nothing is written."""
    INVALID = "invalid"
    """The file was edited and cannot be parsed, so it cannot be merged: nothing is written."""
    NO_BASE = "no-base"
    """The file was edited, and there is no former content to merge with: nothing is written."""
    DELETED = "deleted"
    """The user deleted the file: it is not written again."""
    OWNED = "owned"
    """The user took the file with `crudgen own`: it is not written."""
    STALE = "stale"
    """The file is as crudgen wrote it, but is no longer generated: it stays."""
    STALE_EDITED = "stale-edited"
    """The file is no longer generated, and was edited: it stays."""
    REMOVE = "remove"
    """The file is no longer generated, and is removed."""


REFUSED = (Action.UNRESOLVED, Action.INVALID, Action.NO_BASE)
"""States in which nothing is written."""
EDITS = (Action.EDITED, Action.OWNED, Action.DELETED)
"""States of files that are not as crudgen generates them, and stay so."""
_CURRENT = frozenset({Action.UNCHANGED, Action.KEEP, Action.STALE_EDITED, *EDITS})


@dataclass(frozen=True, slots=True)
class Change:
    """A file: its state, and its content before and after a write (None if absent)."""

    path: str
    action: Action
    before: bytes | None
    after: bytes | None
    entry: Entry | None = None
    """What the record says after the write; None if the file is not recorded."""
    note: str = ""
    """Why the file is in this state, for messages."""
    lines: tuple[int, ...] = ()
    """Line numbers of conflicts, in `after`."""
    source: str = ""
    """Former path, if the file moves because its entity got another name."""
    owned: str | None = None
    """Digest of the generated text, if the user took the file."""
    needs: tuple[Need, ...] = ()
    """What the file must contain if it belongs to the user."""

    @property
    def is_behind(self) -> bool:
        """Whether the generated text has changed since the user took the file."""
        return bool(self.owned) and self.entry is not None and self.entry.digest != self.owned

    @property
    def is_written(self) -> bool:
        """Whether a write changes or removes the file."""
        return self.after != self.before or (bool(self.source) and self.before is not None)

    def missing_lines(self) -> Iterator[MissingLine]:
        """Yield the lines that a file of the user lacks."""
        if self.action is Action.KEEP and self.before is not None:
            text = self.before.decode("utf-8-sig", "replace")
            for need in self.needs:
                yield from need.missing_lines(text)

    def diff(self) -> Iterator[str]:
        """Yield the lines of a unified diff of a write, or of what it would overwrite.

        The file of a renamed entity is renamed, as git shows it.
        """
        if self.source and self.before is not None and self.after is not None:
            yield f"diff --git a/{self.source} b/{self.path}\n"
            yield f"rename from {self.source}\nrename to {self.path}\n"
        yield from _unified_diff(self.path, self.before, self.after, self.source)


def disown_command(out: Path, path: str) -> str:
    """Return the command that lets `emit` write a file again."""
    return f"crudgen disown {shlex.quote(path)} --out {shlex.quote(str(out))}"


def _unified_diff(
    path: str, before: bytes | None, after: bytes | None, source: str = ""
) -> Iterator[str]:
    old = "/dev/null" if before is None else f"a/{source or path}"
    new = "/dev/null" if after is None else f"b/{path}"
    for line in difflib.unified_diff(_split_lines(before), _split_lines(after), old, new):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _split_lines(data: bytes | None) -> list[str]:
    """Return the lines of a text. Unlike `splitlines`, split at line feeds only."""
    text = (data or b"").decode("utf-8", "replace").replace("\r\n", "\n")
    *lines, last = text.split("\n")
    return [f"{line}\n" for line in lines] + ([last] if last else [])


@dataclass(frozen=True, slots=True)
class Plan:
    """The comparison of a folder with a source tree: the state of each file."""

    out: Path
    changes: tuple[Change, ...]
    record: Record

    def with_action(self, *actions: Action) -> tuple[Change, ...]:
        """Return the changes of the files that are in one of these states."""
        return tuple(change for change in self.changes if change.action in actions)

    def paths_with(self, *actions: Action) -> tuple[str, ...]:
        """Return the sorted paths of the files that are in one of these states."""
        return tuple(change.path for change in self.with_action(*actions))

    @property
    def is_current(self) -> bool:
        """Whether a write would change no file, and nothing unedited is stale."""
        return all(one.action in _CURRENT and not one.is_written for one in self.changes)

    @property
    def refused(self) -> tuple[Change, ...]:
        """The files because of which nothing can be written."""
        return self.with_action(*REFUSED)

    @property
    def conflicts(self) -> tuple[Change, ...]:
        """The files that get markers of conflicts."""
        return self.with_action(Action.CONFLICT)

    def diff(self) -> str:
        """Return a unified diff from the folder before a write to the one after it."""
        return "".join(line for change in self.changes for line in change.diff())

    def contents_to_write(self) -> dict[str, bytes | None]:
        """Return the files to write (bytes) and remove (None), including the record."""
        contents: dict[str, bytes | None] = {
            one.source: None for one in self.changes if one.source and one.before is not None
        }
        contents |= {one.path: one.after for one in self.changes if one.is_written}
        record = self._new_record()
        if record != self.record:
            contents[RECORD] = record.to_bytes()
        return contents

    def _new_record(self) -> Record:
        return Record(
            {one.path: one.entry for one in self.changes if one.entry is not None},
            {one.path: one.owned for one in self.changes if one.owned is not None},
        )
