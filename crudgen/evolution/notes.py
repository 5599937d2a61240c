"""Notes of a plan: what is kept, and what may be a mistake. Reason to change: what users miss."""

import shlex
from collections.abc import Iterable, Iterator, Mapping

from .changes import DroppedTable, TableChange
from .hints import Hints
from .internal import is_internal
from .pairing import Pair
from .plan import Note


def notes_of(change: TableChange, kept: Iterable[str], hints: Hints) -> Iterator[Note]:
    """Yield notes of the columns, constraints, indexes and triggers that are kept."""
    table = change.expected.name
    name = hints.names.get((table, None), table)
    for column in (*change.released, *change.kept):
        option = shlex.quote(f"{name}.{column.name}")
        yield Note(
            table,
            column.name,
            f"is not in the spec and is kept; --drop {option} drops it",
        )
    for what in kept:
        yield Note(table, None, f"{what} is not in the spec and is kept")


def note_renames(change: TableChange, hints: Hints) -> Iterator[Note]:
    """Yield notes of new columns that may be former ones under another name."""
    table = change.expected.name
    for column in change.released + change.kept:
        for added in change.added:
            if added.expected.type == column.type:
                new = hints.names.get((table, added.expected.name), added.expected.name)
                place = hints.places.get((table, added.expected.name))
                where = f" ({place})" if place else ""
                yield Note(
                    table,
                    added.expected.name,
                    f"is new, and {column.name} is not in the spec: if {column.name} was renamed,"
                    f" write was({column.name}) at {new}{where}",
                    may_be=column.name,
                )


def other_tables(
    taken: Mapping[str, str],
    parts: Iterable[str],
    pairs: Iterable[Pair],
    dropped: Iterable[DroppedTable],
) -> Iterator[Note]:
    """Yield a note of each table that is not in the spec; `parts` belong to others."""
    known = {name.lower() for name in parts}
    known |= {name.lower() for one in pairs for name in _names(one)}
    known |= {one.found.name.lower() for one in dropped}
    for name, kind in sorted(taken.items()):
        if kind == "table" and name.lower() not in known and not is_internal(name):
            option = f"--drop {shlex.quote(name)}"
            text = f"is not in the spec and is kept; {option} drops it with its rows"
            yield Note(name, None, text)


def _names(pair: Pair) -> Iterator[str]:
    yield pair.expected.name
    if pair.found is not None:
        yield pair.found.name
