"""Names of indexes that two of them need. Reason to change: which names a database allows.

After a rename without a copy, an index keeps its name. SQLite cannot rename it. If a new index
needs the name, the other one is created again under its own.
"""

from collections.abc import Iterable
from dataclasses import replace

from .changes import TableChange


def without_clashes(changes: Iterable[TableChange]) -> list[TableChange]:
    """Return changes in which no new index has the name of an existing one that stays."""
    changes = list(changes)
    needed = {
        index.name.lower()
        for change in changes
        for index in (change.expected.indexes if change.is_new else change.new_indexes)
    }
    while True:
        freed = [_freed(change, needed) for change in changes]
        more = {index.name.lower() for change in freed for index in change.new_indexes} - needed
        changes = freed
        if not more:
            return changes
        needed |= more


def _freed(change: TableChange, needed: set[str]) -> TableChange:
    """Return a change that creates indexes again whose live names are needed."""
    if change.found is None:
        return change
    live = {index.name: index for index in change.found.indexes}
    own = {index.name: index for index in change.expected.indexes}
    again = [
        (old, new)
        for old, new in change.renamed_indexes
        if old.lower() in needed and live[old] not in change.old_indexes
    ]
    return replace(
        change,
        old_indexes=(*change.old_indexes, *(live[old] for old, _ in again)),
        new_indexes=(*change.new_indexes, *(own[new] for _, new in again)),
        renamed_indexes=tuple(one for one in change.renamed_indexes if one not in again),
    )
