"""Changes of the links of a row, for callers with the same roles and rules about rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from fastapi import Request, Response
from sqlalchemy import ColumnElement, Select, and_, or_, select, union

from ..database import Change, Database
from ..database.transaction import Row
from ..http.headers import JsonText
from ..query.visibility import ALL
from ..rows.link_statements import NAMES, LinkStatements, aliased_key
from ..rows.links import (
    LinkedResource,
    all_found_check,
    check_no_preconditions,
    check_no_repeated_keys,
    existence_check,
)
from ..rows.values import is_storable_key
from .caller import BaseCaller
from .denials import RowDenied, Write
from .row_operations import RowOperations

_OK = b'{"ok":true}'


class LinkChanges:
    """The changes of links between rows that callers can read.

    `owners` are the rows above, `rows` the linked ones. A link belongs to the row above, or, if
    `inverse`, to the linked row. A rule must allow the update of the row that it belongs to. This
    row is locked before the check, and the other row is protected from deletion.
    """

    def __init__(
        self,
        links: LinkedResource,
        owners: RowOperations,
        rows: RowOperations,
        kind: str,
        *,
        inverse: bool,
    ) -> None:
        self._links, self._owners, self._rows, self._kind = links, owners, rows, kind
        self._inverse = inverse
        self._use = _GuardedLinkStatements(
            *links.ends,
            kind,
            owners=owners.visibility,
            rows=rows.visibility,
            removable=rows.updatable if inverse else None,
        )

    async def add(
        self, db: Database, request: Request, caller: BaseCaller | None, key: Any, other: Any
    ) -> Response:
        """Link a row to the row with this key, unless it is linked already."""
        judged = self._lock_ends(request, caller, key, other)
        bound = {"key__": key, "other__": other}
        await db.write_all([*judged, Change(self._use.add, bound, NAMES)])
        return JsonText(_OK)

    async def remove(
        self, db: Database, request: Request, caller: BaseCaller | None, key: Any, other: Any
    ) -> Response:
        """Remove the link of a row to the row with this key; raise HTTPException 404 without it."""
        judged = self._lock_ends(request, caller, key, other)
        bound = {"key__": key, "other__": other}
        is_linked = existence_check(self._rows.all._not_found)
        await db.write_all([*judged, Change(self._use.remove, bound, check=is_linked)])
        return JsonText(_OK)

    async def replace(
        self,
        db: Database,
        request: Request,
        caller: BaseCaller | None,
        key: Any,
        others: Sequence[Any],
    ) -> Response:
        """Link the rows with the keys `others` to the row with this key, and unlink other rows.

        Links to rows that the caller cannot read stay as they are.
        """
        links, sent = self._links, [(["body"], others)]
        check_no_preconditions(request)
        check_no_repeated_keys(sent)
        links._check_owner_key(key)
        raise_missing = all_found_check(sent, links.words)
        storable = [other for other in others if is_storable_key(other)]
        bound = {"key__": key, **{f"other_{n}": other for n, other in enumerate(storable)}}
        use = self._use.replacement(len(storable))
        changes = [*links.locks(db), *self._lock_owner(caller, key)]
        if self._inverse:
            lock, denied = self._use.lock_and_check_statements(len(storable))
            changes.append(Change(lock, bound, check=raise_missing))
            changes.append(Change(denied, bound, check=self._updatable_check(caller, others)))
        elif others:
            changes.append(Change(use.keep_rows, bound, check=raise_missing))
        changes.append(Change(use.remove_other_links, bound))
        if others:
            changes.append(Change(use.add_all, bound))
        await db.write_all(changes)
        return JsonText(_OK)

    def _lock_ends(
        self, request: Request, caller: BaseCaller | None, key: Any, other: Any
    ) -> list[Change]:
        """Return the changes that lock the ends of a link; raise HTTPException 403, 404, 412."""
        check_no_preconditions(request)
        self._links._check_owner_key(key)
        self._links._check_row_key(other)
        not_found = existence_check(self._rows.all._not_found)
        if self._inverse:
            lock = Change(
                self._rows.statements_for(self._kind).lock, {"key__": other}, check=not_found
            )
            row = [lock, *self._update_check(self._rows, caller, other)]
        else:
            row = [Change(self._use.keep_row, {"other__": other}, check=not_found)]
        return [*self._lock_owner(caller, key), *row]

    def _lock_owner(self, caller: BaseCaller | None, key: Any) -> list[Change]:
        """Return the changes that lock the row above; they raise HTTPException 403, 404."""
        bound, not_found = {"key__": key}, existence_check(self._links._owner_not_found)
        if self._inverse:
            return [Change(self._use.keep_owner, bound, check=not_found)]
        lock = Change(self._owners.statements_for(self._kind).lock, bound, check=not_found)
        return [lock, *self._update_check(self._owners, caller, key)]

    def _update_check(
        self, rows: RowOperations, caller: BaseCaller | None, key: Any
    ) -> list[Change]:
        """Return the change that raises HTTPException 403 unless a rule allows the update.

        Without such rules, there is none.
        """
        if not rows.update_needs_rule:
            return []

        def raise_if_denied(found: Sequence[Row]) -> None:
            if not found:
                raise RowDenied(rows, caller, Write("update", key))

        asked = rows.update_statement(self._kind, (), asks=True)
        return [Change(asked, {"key__": key}, check=raise_if_denied)]

    def _updatable_check(
        self, caller: BaseCaller | None, others: Sequence[Any]
    ) -> Callable[[Sequence[Row]], None]:
        """Return the check that raises RowDenied if the statement found a row to update.

        It finds the keys of the rows whose update no rule allows.
        """
        places: Mapping[Any, int] = {key: index for index, key in enumerate(others)}

        def raise_if_denied(found: Sequence[Row]) -> None:
            for (key,) in found[:1]:
                place = ("body", places[key]) if key in places else ("body",)
                raise RowDenied(self._rows, caller, Write("update", key), place)

        return raise_if_denied


class _GuardedLinkStatements(LinkStatements):
    """The statements on links, with checks if they belong to the linked rows."""

    def __init__(self, *ends: Any, **rows: Any) -> None:
        super().__init__(*ends, **rows)
        self._lock_and_check: dict[int, tuple[Select[Any], Select[Any]]] = {}

    def lock_and_check_statements(self, count: int) -> tuple[Select[Any], Select[Any]]:
        """Return the statements that lock and check the rows whose links a PUT changes.

        The first returns the keys of all rows that are linked before or afterwards. The second
        returns those whose links change though no rule allows their update.
        """
        known = self._lock_and_check.get(count)
        if known is None:
            known = self._lock_and_check[count] = self._new_lock_and_check_statements(count)
        return known

    def _new_lock_and_check_statements(self, count: int) -> tuple[Select[Any], Select[Any]]:
        key, (bound, is_wanted) = self._row_key, self._wanted_keys(count)
        linked = select(self._far).where(self._is_owner)
        is_linked: ColumnElement[bool] = key.in_(linked)
        is_changed, keys = is_linked, cast("Any", linked)
        if count:
            is_changed = or_(and_(is_wanted, ~is_linked), and_(~is_wanted, is_linked))
            wanted = aliased_key(self._key, ALL, "wanted_", self._kind)
            keys = union(select(wanted).where(wanted.in_(bound)), linked)
        rows = select(key).where(key.in_(keys)).order_by(key)
        is_updatable = self._removable.has(self._key, key, "updatable_", self._kind)
        return rows.with_for_update(key_share=True), rows.where(is_changed, ~is_updatable)
