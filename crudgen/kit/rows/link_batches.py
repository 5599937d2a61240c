"""Statements that change the links of several rows at a time.

The keys are one parameter: arrays on PostgreSQL, a list in JSON on SQLite.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Dialect,
    Select,
    String,
    and_,
    bindparam,
    column,
    delete,
    exists,
    func,
    literal_column,
    select,
    true,
    tuple_,
    type_coerce,
    union,
    union_all,
)
from sqlalchemy.types import TypeDecorator

from ..database import Change
from ..database.statements import Statement
from ..database.transaction import Row
from ..query.visibility import ALL, Visibility
from .link_statements import aliased_key
from .statements import INSERTS
from .subcollection import ONE

Pair = tuple[Any, Any]
"""The keys of a link: that of its owner, and that of the other row."""
End = tuple[Column[Any], Column[Any]]
Check = Callable[[Sequence[Row]], None]


class _JsonKeys(TypeDecorator[Any]):
    """A parameter with tuples of keys as JSON. `types` are the types of the keys in a tuple."""

    impl = String
    cache_ok = True

    def __init__(self, *types: Any) -> None:
        super().__init__()
        self.types = types

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """Return the JSON of a list of tuples."""
        binders = [one.dialect_impl(dialect).bind_processor(dialect) for one in self.types]
        return json.dumps(
            [
                [bind(key) if bind else key for bind, key in zip(binders, keys, strict=True)]
                for keys in value
            ],
            ensure_ascii=False,
        )


class _KeyParameter:
    """A parameter with tuples of keys, one key for each of the columns."""

    def __init__(self, name: str, columns: Mapping[str, Column[Any]], kind: str) -> None:
        self._name = name
        self._columns = columns
        self._kind = kind

    def bound_values(self, rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
        """Return the values of the parameter."""
        if self._kind == "sqlite":
            return {self._name: rows}
        return {
            f"{self._name}_{index}": [row[index] for row in rows]
            for index in range(len(self._columns))
        }

    def select_rows(self) -> Select[Any]:
        """Return the SELECT that has the tuples of keys as its rows."""
        types = [one.type for one in self._columns.values()]
        if self._kind == "sqlite":
            each = func.json_each(bindparam(self._name, type_=_JsonKeys(*types)))
            table = each.table_valued("value", name=f"{self._name}_")
            keys: list[ColumnElement[Any]] = [
                func.json_extract(table.c.value, literal_column(f"'$[{index}]'"))
                for index in range(len(types))
            ]
            return select(*keys)
        arrays = [
            bindparam(f"{self._name}_{index}", type_=ARRAY(one)) for index, one in enumerate(types)
        ]
        names = [column(name, one.type) for name, one in self._columns.items()]
        table = func.unnest(*arrays).table_valued(*names, name=f"{self._name}_")
        return select(*table.render_derived().c)


class LinkBatches:
    """The statements that change the links of several rows in one dialect.

    `owner` and `row` are the ends of a link: a column of the link table, and the key that it refers
    to. Links to rows that are not among `rows` are not changed.
    """

    are_guarded: ClassVar = False
    """Whether a rule must allow the update of linked rows."""

    def __init__(
        self,
        owner: End,
        row: End,
        kind: str,
        rows: Visibility = ALL,
    ) -> None:
        (near, owner_key), (far, stored_key) = owner, row
        is_visible: ColumnElement[bool] = true()
        row_key: ColumnElement[Any] = stored_key
        if rows.hides_rows(stored_key.table):
            is_visible = rows.has(stored_key, far, "visible_", kind)
            row_key = aliased_key(stored_key, rows, "row_", kind)
        self._owners = _KeyParameter("owners", {"near": near}, kind)
        self._others = _KeyParameter("others", {"far": stored_key}, kind)
        self._links = _KeyParameter("links", {"near": near, "far": far}, kind)
        self._lock = _locking_select(owner_key, self._owners, key_share=True)
        self._keep = _locking_select(row_key, self._others, read=True, key_share=True)
        is_of_owner = near.in_(self._owners.select_rows())
        is_kept = tuple_(near, far).in_(self._links.select_rows())
        self._is_removed = and_(is_of_owner, ~is_kept, is_visible)
        self._remove: Statement = delete(near.table).where(self._is_removed).returning(far)
        self._read = select(near, far).where(is_of_owner, is_visible)
        new = self._links.select_rows().where(literal_column("1") == literal_column("1"))
        # Without WHERE, SQLite takes ON for a join condition.
        insert = INSERTS[kind](near.table).from_select([near, far], new)
        self._add: Statement = insert.on_conflict_do_nothing().returning(far)

    def lock_owners(self, owners: Sequence[Any], check: Check) -> Change:
        """Return the change that locks owners by key, in order; `check` gets the keys found."""
        return Change(self._lock, self._bound_owners(owners), check=check)

    def protect_from_deletion(self, others: Sequence[Any], check: Check) -> Change:
        """Return the change that protects rows from deletion; `check` gets their keys."""
        return Change(self._keep, self._bound_others(others), check=check)

    def remove_other_links(self, owners: Sequence[Any], links: Sequence[Pair]) -> Change:
        """Return the change that removes all links of the owners but these."""
        return Change(
            self._remove, {**self._bound_owners(owners), **self._links.bound_values(links)}
        )

    def add(self, links: Sequence[Pair]) -> Change:
        """Return the change that adds links, unless they exist."""
        return Change(self._add, self._links.bound_values(links))

    def add_derived_links(
        self, derive: Callable[[Sequence[Sequence[Row]]], Sequence[Pair]]
    ) -> Change:
        """Return the change that adds the links that `derive` returns from the rows before."""
        return Change(self._add, {}, derive=lambda found: self._links.bound_values(derive(found)))

    def read(self, owners: Sequence[Any]) -> Change:
        """Return the change that reads the links of the owners."""
        return Change(self._read, self._bound_owners(owners))

    def read_derived_links(
        self, derive: Callable[[Sequence[Sequence[Row]]], Sequence[Any]]
    ) -> Change:
        """Return the change that reads the links of the owners that `derive` returns."""
        return Change(self._read, {}, derive=lambda found: self._bound_owners(derive(found)))

    def _bound_owners(self, owners: Sequence[Any]) -> dict[str, Any]:
        return self._owners.bound_values([(one,) for one in owners])

    def _bound_others(self, others: Sequence[Any]) -> dict[str, Any]:
        return self._others.bound_values([(one,) for one in others])


class GuardedLinkBatches(LinkBatches):
    """The statements on links that belong to the linked rows: a rule must allow their update.

    `updatable` are the rows whose update a rule allows.
    """

    are_guarded = True

    def __init__(
        self, owner: End, row: End, kind: str, rows: Visibility, updatable: Visibility
    ) -> None:
        super().__init__(owner, row, kind, rows)
        (near, _), (far, stored_key) = owner, row
        key = aliased_key(stored_key, rows, "row_", kind)
        sent = self._others.select_rows()
        linked = select(far).where(near.in_(self._owners.select_rows()))
        in_order = select(key).order_by(key)
        either = in_order.where(key.in_(union(sent, linked)))  # with OR, no index finds them
        self._lock_rows = either.with_for_update(key_share=True)

        def is_denied(one: ColumnElement[Any]) -> ColumnElement[bool]:
            return ~updatable.has(stored_key, one, "updatable_", kind)

        self._denied_of_new = in_order.where(key.in_(sent), is_denied(key))
        links, stored = self._links.select_rows().subquery("sent_"), near.table.alias("stored_")
        own, other = (
            type_coerce(one, of.type) for one, of in zip(links.c, (near, far), strict=True)
        )
        same = select(ONE).where(stored.c[near.key] == own, stored.c[far.key] == other)
        is_new = ~exists(same.correlate_except(stored))
        added = select(own, other).where(is_new, is_denied(other))
        removed = select(near, far).where(self._is_removed, is_denied(far))
        self._denied = select(union_all(added, removed).subquery("denied_"))

    def linked_row_locks(
        self, owners: Sequence[Any], others: Sequence[Any], check: Check
    ) -> Change:
        """Return the change that locks the rows that are or will be linked, in order of keys."""
        bound = {**self._bound_owners(owners), **self._bound_others(others)}
        return Change(self._lock_rows, bound, check=check)

    def find_denied_new(self, others: Sequence[Any], check: Check) -> Change:
        """Return the change that finds the rows that may not be linked to new rows."""
        return Change(self._denied_of_new, self._bound_others(others), check=check)

    def find_denied(self, owners: Sequence[Any], links: Sequence[Pair], check: Check) -> Change:
        """Return the change that finds the links that may not be added or removed.

        `links` are those that the owners will have.
        """
        bound = {**self._bound_owners(owners), **self._links.bound_values(links)}
        return Change(self._denied, bound, check=check)


def _locking_select(key: ColumnElement[Any], keys: _KeyParameter, **mode: Any) -> Select[Any]:
    """Return the SELECT that locks the rows with some keys, in the order of the keys."""
    return select(key).where(key.in_(keys.select_rows())).order_by(key).with_for_update(**mode)
