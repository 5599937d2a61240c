"""Which constraints and indexes were created from a spec. Reason to change: their names.

No record is kept: the names of generated ones say it. All others are the user's, and are kept.
"""

import re
from collections.abc import Collection

from crudgen.kit.database.catalogue import Check, ForeignKey, Index, Key

_CHECK = re.compile(r"ck_.+_(?:length|words|range)")
_ROW_CHECK = re.compile(r"ck_.+_check")
"""Names of checks that have none in the spec."""
_LONGEST = 50
"""PostgreSQL truncates names: the rest of a long one is a digest."""


def is_from_spec(item: Check | Key | ForeignKey, kind: str, tables: Collection[str]) -> bool:
    """Return whether a constraint was created from a spec.

    `kind` is `ck`, `uq` or `fk`; `tables` are the present and former names of its table.
    """
    name = item.name or ""
    # A table may have had a former name that the spec does not mention any more.
    if isinstance(item, Check):
        is_of_column = len(item.columns) == 1 and _CHECK.fullmatch(name) is not None
        is_like_ours = is_of_column or is_row_check(item, tables)
    else:
        ends = f"_{'_'.join(item.columns)}"
        is_like_ours = name.startswith(f"{kind}_") and len(item.columns) > 0 and name.endswith(ends)
    return is_like_ours or any(name.startswith(f"{kind}_{table}_"[:_LONGEST]) for table in tables)


def is_row_check(check: Check, tables: Collection[str]) -> bool:
    """Return whether a rule about a row was created from a spec that gives it no name."""
    name = check.name or ""
    is_ours = any(name.startswith(f"ck_{table}_") for table in tables)
    # SQLite keeps the names of columns that have others now.
    is_ours = is_ours or all(one in name.lower() for one in check.columns)
    return is_ours and _ROW_CHECK.fullmatch(name) is not None


def is_index_from_spec(
    index: Index, tables: Collection[str], columns: Collection[tuple[str, ...]]
) -> bool:
    """Return whether an index was created from a spec: it has the name that follows from it.

    `columns` are its columns by their live and their new names.
    """
    if index.where is not None:
        return False
    names = {f"ix_{table}_{'_'.join(parts)}" for table in tables for parts in columns}
    if index.name in names:
        return True
    start = index.name[:_LONGEST]
    return len(start) == _LONGEST and start in {name[:_LONGEST] for name in names}
