"""Which constraints and indexes were created from a spec. Reason to change: their names.

No record is kept: the names of generated ones say it. All others are the user's, and are kept.
"""

import re
from collections.abc import Collection

from crudgen.kit.database.catalogue import Check, ForeignKey, Index, Key

_CHECK = re.compile(r"ck_.+_(?:length|words|range)")
_LONGEST = 50
"""PostgreSQL truncates names: the rest of a long one is a digest."""


def is_from_spec(item: Check | Key | ForeignKey, kind: str, tables: Collection[str]) -> bool:
    """Return whether a constraint was created from a spec.

    `kind` is `ck`, `uq` or `fk`; `tables` are the present and former names of its table.
    """
    name = item.name or ""
    # A table may have had a former name that the spec does not mention any more.
    if isinstance(item, Check):
        is_like_ours = len(item.columns) == 1 and _CHECK.fullmatch(name) is not None
    else:
        ends = f"_{'_'.join(item.columns)}"
        is_like_ours = name.startswith(f"{kind}_") and len(item.columns) > 0 and name.endswith(ends)
    return is_like_ours or any(name.startswith(f"{kind}_{table}_"[:_LONGEST]) for table in tables)


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
