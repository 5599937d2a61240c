"""Hints and the names in a database → renames. Reason to change: when a former name applies.

A former name applies if the new table or column does not exist, and the former one does. So it does
nothing once the rename is done, and can stay in the spec. With `c was b` and `b was a`, `b` becomes
`c`, and then `a` becomes `b`. A name that another one takes over does not exist any more.
"""

from collections.abc import Callable, Collection, Mapping

from .hints import Hints


def renamed_tables(hints: Hints, tables: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return the new name of each table to rename, with the present one, in the order to do it.

    `tables` has the tables of the database with their columns. A table becomes a link table only if
    it has both columns of it, by their new or former names.
    """

    def has_link_columns(new: str, present: str) -> bool:
        former = hints.columns.get(new, {})
        return all(
            {column, *former.get(column, ())} & {*tables[present]}
            for column in hints.links.get(new, ())
        )

    return _new_names_in_order(hints.tables, tables, has_link_columns)


def renamed_columns(hints: Hints, table: str, columns: Collection[str]) -> dict[str, str]:
    """Return the new name of each column to rename, with the present one, in the order to do it.

    `table` is the new name of the table, and `columns` are those that it has in the database.
    """
    return _new_names_in_order(hints.columns.get(table, {}), columns, lambda _new, _present: True)


def _new_names_in_order(
    former: Mapping[str, tuple[str, ...]],
    existing: Collection[str],
    has_link_columns: Callable[[str, str], bool],
) -> dict[str, str]:
    """Return new names with present ones. In `former`, a name follows the one that replaces it."""
    renamed: dict[str, str] = {}
    left = {*existing}
    for new, names in former.items():
        if new not in left:
            found = next(
                (name for name in names if name in left and has_link_columns(new, name)), None
            )
            if found is not None:
                renamed[new] = found
                left.remove(found)
    return renamed
