"""Names that two indexes need. Reason to change: which names a database allows.

After a rename without a copy, an index keeps its name. SQLite cannot rename it. If a new index
needs the name, the other one is created again under its own. That does not depend on who created
it: the spec may not mention the former name any more, and another index with the same content is
the same.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from .changes import TableChange


def without_name_clashes(changes: Iterable[TableChange]) -> list[TableChange]:
    """Return changes in which no new index has the name of an existing one that stays."""
    changes = list(changes)
    needed = {
        index.name.lower()
        for change in changes
        for index in (change.expected.indexes if change.is_new else change.new_indexes)
    }
    while True:
        freed = [_with_recreated_indexes(change, needed) for change in changes]
        more = {index.name.lower() for change in freed for index in change.new_indexes} - needed
        changes = freed
        if not more:
            return changes
        needed |= more


def with_new_names(changes: Iterable[TableChange]) -> list[TableChange]:
    """Return changes that create indexes again under the names that follow from renames."""
    return [
        _with_recreated_indexes(change, {old.lower() for old, _ in change.renamed_indexes})
        for change in changes
    ]


def _with_recreated_indexes(change: TableChange, needed: set[str]) -> TableChange:
    """Return a change that drops and creates again the indexes whose live names are needed."""
    if change.found is None:
        return change
    live = {index.name: index for index in change.found.indexes}
    own = {index.name: index for index in change.expected.indexes}
    again = [
        (old, new)
        for old, new in (*change.renamed_indexes, *change.same_indexes)
        if old.lower() in needed and live[old] not in change.old_indexes
    ]
    there = {index.name for index in change.new_indexes} | {*_unchanged_names(change)}
    missing = {new: own[new] for _, new in again if new not in there}
    return replace(
        change,
        old_indexes=(*change.old_indexes, *(live[old] for old, _ in again)),
        new_indexes=(*change.new_indexes, *missing.values()),
        renamed_indexes=tuple(one for one in change.renamed_indexes if one not in again),
        same_indexes=tuple(one for one in change.same_indexes if one not in again),
    )


def _unchanged_names(change: TableChange) -> Iterator[str]:
    """Yield the names of live indexes that have the name and columns of one in the models."""
    columns = {live.lower(): new.lower() for new, live in change.live_columns.items()}
    live = change.found.indexes if change.found else ()
    there = {
        (index.name.lower(), *(columns.get(one.lower(), one.lower()) for one in index.columns))
        for index in live
    }
    for index in change.expected.indexes:
        if (index.name.lower(), *map(str.lower, index.columns)) in there:
            yield index.name
