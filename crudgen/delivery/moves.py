"""Finds the files that move because an entity got another name. Reason to change: how they match.

The record says which table each file belongs to. A file moves if its entity has the same table and
another folder, or another table and `was` with the former one. As in a database, a former name has
no effect once the new one is recorded.
"""

from collections.abc import Mapping
from pathlib import Path

from crudgen.codegen.tree import SourceTree
from crudgen.delivery import journal
from crudgen.delivery.record import Record


def find_moves(tree: SourceTree, out: Path, record: Record) -> dict[str, str]:
    """Return the former paths of the files of a tree that move, by their new paths."""
    recorded = {entry.part: path for path, entry in record.files.items() if entry.part}
    former = _former_tables(tree, {*map(_table_of_part, recorded)})
    taken = {*former.values()}
    moves: dict[str, str] = {}
    for file in tree.files:
        table, _, kind = file.part.rpartition("/")
        if table in former or table not in taken:
            source = recorded.get(f"{former.get(table, table)}/{kind}")
            if source is not None and source != file.path:
                moves[file.path] = source
    # What is recorded or exists at the new path is merged there, unless it moves itself.
    occupied = {path for path in moves if path in record.files or exists(out, path)}
    while stays := occupied & moves.keys() - {*moves.values()}:
        moves = {path: source for path, source in moves.items() if path not in stays}
    return moves


def exists(out: Path, path: str) -> bool:
    """Return whether a path in the folder exists, also as a link."""
    return journal.file_type(journal.locate(out, path)) is not None


def _former_tables(tree: SourceTree, recorded: set[str]) -> Mapping[str, str]:
    """Return the former tables of the entities that got another one, by their new tables."""
    wanted = {
        _table_of_part(file.part): [*map(_table_of_part, file.former_parts)]
        for file in tree.files
        if file.former_parts
    }
    former: dict[str, str] = {}
    is_changed = True
    while is_changed:  # a table can have the former name of another one, which moved before
        is_changed = False
        for table, names in wanted.items():
            free = recorded - {*former.values()}
            if table not in former and table not in free:
                found = next((name for name in names if name in free), None)
                if found is not None:
                    former[table] = found
                    is_changed = True
    return former


def _table_of_part(part: str) -> str:
    return part.rpartition("/")[0]
