"""The statements that change the links of one row."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Insert,
    Select,
    bindparam,
    delete,
    false,
    select,
    true,
)

from ..database.statements import COLUMNS, Statement
from ..query.visibility import ALL, Visibility
from .statements import INSERTS
from .subcollection import ONE

End = tuple[Column[Any], Column[Any]]
"""A column of a link table, and the key that it refers to."""
NAMES = ("key__", "other__")
"""The bound parameters of a link: the keys of its owner and of the other row."""


@dataclass(frozen=True, slots=True)
class ReplacementStatements:
    """The statements that replace the links of a row by a certain number of links."""

    keep_rows: Select[Any]
    """Returns the keys of the rows to link, and protects these rows from deletion."""
    remove_other_links: Statement
    add_all: Insert


class LinkStatements:
    """The statements that change links in one dialect. The keys are bound as `key__` and `other__`.

    `owners` are the rows whose links can be changed. `rows` are the rows that can be linked and
    unlinked: links to others are not changed. A replacement unlinks only rows in `removable`.
    """

    def __init__(
        self,
        owner: End,
        row: End,
        kind: str,
        *,
        owners: Visibility = ALL,
        rows: Visibility = ALL,
        removable: Visibility | None = None,
    ) -> None:
        (self._near, owner_key), (self._far, self._key) = owner, row
        self._kind, self._removable = kind, rows if removable is None else removable
        self._owner_key = aliased_key(owner_key, owners, "owner_", kind)
        self._row_key = aliased_key(self._key, rows, "row_", kind)
        self._is_owner = self._near == bindparam("key__")
        self.read = select(self._far).where(self._is_owner, self._is_link_to(rows))
        self.keep_owner = _protected_from_deletion(
            select(ONE).where(self._owner_key == bindparam("key__"))
        )
        self.keep_row = _protected_from_deletion(
            select(ONE).where(self._row_key == bindparam("other__"))
        )
        self.remove = self._delete_links(self._far == bindparam("other__"))
        columns = dict(zip(NAMES, (self._near, self._far), strict=True))
        new = self._insert_links().returning(self._far)
        self.add: Insert = new.execution_options(**{COLUMNS: columns})
        """Adds a link, unless it exists."""
        self._known: dict[int, ReplacementStatements] = {}

    def replacement(self, count: int) -> ReplacementStatements:
        """Return the statements that replace the links of a row by `count` links."""
        known = self._known.get(count)
        if known is None:
            known = self._known[count] = self._new_replacement(count)
        return known

    def _new_replacement(self, count: int) -> ReplacementStatements:
        bound, is_wanted = self._wanted_keys(count)
        wanted = select(self._owner_key, self._row_key).where(
            self._owner_key == bindparam("key__"), is_wanted
        )
        new = self._insert_links().from_select([self._near, self._far], wanted)
        is_other = self._far.not_in(bound) if count else true()
        return ReplacementStatements(
            keep_rows=_protected_from_deletion(
                select(self._row_key).where(is_wanted).order_by(self._row_key)
            ),
            remove_other_links=self._delete_links(is_other, self._is_link_to(self._removable)),
            add_all=new.returning(self._far),
        )

    def _wanted_keys(self, count: int) -> tuple[list[Any], ColumnElement[bool]]:
        """Return the parameters of `count` keys, and the condition of the rows with these keys."""
        bound = [bindparam(f"other_{n}", type_=self._far.type) for n in range(count)]
        return bound, self._row_key.in_(bound) if count else false()

    def _delete_links(self, *conditions: ColumnElement[bool]) -> Any:
        removed = delete(self._near.table).where(self._is_owner, *conditions)
        return removed.returning(self._far)

    def _is_link_to(self, rows: Visibility) -> ColumnElement[bool]:
        """Return the condition of links to some rows."""
        if not rows.hides_rows(self._key.table):
            return true()
        return rows.has(self._key, self._far, "visible_", self._kind)

    def _insert_links(self) -> Any:
        """Return the INSERT into a link table that ignores links that exist."""
        return INSERTS[self._kind](self._near.table).on_conflict_do_nothing()


def aliased_key(key: Column[Any], rows: Visibility, name: str, kind: str) -> ColumnElement[Any]:
    """Return the key column of some rows, under an alias: both ends may be one table."""
    return rows.source(key.table, name, kind).c[key.key]


def _protected_from_deletion(statement: Select[Any]) -> Select[Any]:
    """Add a lock to a SELECT: its rows cannot be deleted until the transaction ends."""
    return statement.with_for_update(read=True, key_share=True)
