"""Writes the links of rows by the keys of linked rows in their request bodies."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..database import Change, Database
from ..database.returning import row_discarded_error
from ..database.transaction import Row
from .added_properties import with_json_properties
from .link_batches import Pair
from .links import all_found_check, check_no_repeated_keys
from .related_writes import LinkGuard, LinkWrites, SentRow
from .values import is_storable_key

if TYPE_CHECKING:
    from .linking import KeyProperty

Found = Sequence[Sequence[Row]]
"""The rows of the changes of a transaction."""


class LinkWriter:
    """Writes links by the keys of linked rows in request bodies.

    With a `guard`, links to rows that its caller cannot read are neither changed nor read, and a
    rule must allow the update of the row that a link belongs to.
    """

    def __init__(
        self, db: Database, written: Sequence["KeyProperty"], guard: LinkGuard | None = None
    ) -> None:
        self._db, self._written, self._guard = db, written, guard

    def statements(self, one: "KeyProperty") -> Any:
        """Return the statements that change the links of several rows."""
        if self._guard is None:
            return one.link_batches(self._db)
        return self._guard.statements(one, self._db.kind)

    def keep_rows_to_link(
        self, one: "KeyProperty", sent: Sequence[SentRow], new: Sequence[Any] = ()
    ) -> list[Change]:
        """Return the changes that check the rows to link, and protect them from deletion.

        They raise HTTPException 409 for keys that no row has, 403 for links whose change no rule
        allows. `new` are the keys of the rows that are created. Raises HTTPException 422 for a
        repeated key.
        """
        lists = [([*place, one.json_name], one.keys(row)) for _, row, place in sent]
        check_no_repeated_keys(lists)
        raise_missing = all_found_check(lists, one.words)
        others = sorted({key for _, keys in lists for key in keys if is_storable_key(key)})
        created = [(key,) for key in new] if one.is_own else []
        use = self.statements(one)

        def raise_if_missing(found: Sequence[Row]) -> None:
            raise_missing([*found, *created])

        if not use.are_guarded:
            return [use.protect_from_deletion(others, raise_if_missing)]
        denied = self._permission_check(one, sent)
        owners = [key for key, *_ in sent if key is not None]
        if not owners:
            return [
                use.linked_row_locks([], others, raise_if_missing),
                use.find_denied_new(others, denied),
            ]
        links = _links_in_bodies(one, sent)
        return [
            use.linked_row_locks(owners, others, raise_if_missing),
            use.find_denied(owners, links, denied),
        ]

    def _permission_check(
        self, one: "KeyProperty", sent: Sequence[SentRow]
    ) -> Callable[[Sequence[Row]], None]:
        """Return the check that raises 403 if the statement found a link that may not change.

        The error names the first one in the request.
        """

        def locations(key: Any, *owner: Any) -> Iterator[tuple[int, int]]:
            for number, (own, row, _) in enumerate(sent):
                keys = one.keys(row)
                if own in owner or (not owner and key in keys):
                    yield number, keys.index(key) if key in keys else len(keys)

        def raise_if_denied(found: Sequence[Row]) -> None:
            denied = [(place, key) for *owner, key in found for place in locations(key, *owner)]
            if denied:
                assert self._guard is not None
                (number, index), key = min(denied)
                _, row, place = sent[number]
                last = [index] if index < len(one.keys(row)) else []
                raise self._guard.denial_error(one, key, [*place, one.json_name, *last])

        return raise_if_denied

    def changes_for_new_rows(self, sent: Sequence[SentRow], distance: int) -> list[Change]:
        """Return the changes that write the links of new rows, and then read them.

        The first new row is inserted `distance` changes before.
        """
        changes: list[Change] = []
        for one in self._written:
            if any(one.keys(row) for _, row, _ in sent):
                changes += self.keep_rows_to_link(one, sent)
                derive = new_links_deriver(one, sent, distance + len(changes))
                changes.append(self.statements(one).add_derived_links(derive))
        for one in self._written:
            derive_keys = new_keys_deriver(len(sent), distance + len(changes))
            changes.append(self.statements(one).read_derived_links(derive_keys))
        return changes

    def replace_links(self, one: "KeyProperty", sent: Sequence[SentRow]) -> list[Change]:
        """Return the changes that replace the links of existing rows."""
        links, use = _links_in_bodies(one, sent), self.statements(one)
        changes = [use.remove_other_links([key for key, *_ in sent], links)] if sent else []
        return [*changes, use.add(links)] if links else changes

    def changes_for_existing_rows(self, sent: Sequence[SentRow], *, replaces: bool) -> LinkWrites:
        """Return the changes that replace the links of existing rows, and then read them.

        The links are replaced before the rows change: a change may show or hide linked rows, and a
        request replaces the links that its caller could read before.
        """
        with_keys = {
            one: [row for row in sent if replaces or one.is_in(row[1])] for one in self._written
        }
        with_keys = {one: rows for one, rows in with_keys.items() if rows}
        owners = [key for key, *_ in sent]
        before = [
            change
            for one, rows in with_keys.items()
            for change in self.keep_rows_to_link(one, rows)
        ]
        before += [
            change for one, rows in with_keys.items() for change in self.replace_links(one, rows)
        ]

        def rows_with_keys(rows: Sequence[bytes], found: Found) -> list[bytes]:
            return self.with_keys(rows, owners, found)

        return LinkWrites(
            locks=link_locks(self._db, with_keys),
            before=before,
            after=[self.statements(one).read(owners) for one in self._written],
            with_keys=rows_with_keys,
        )

    def new_row_properties(self, found: Found) -> list[tuple[str, bytes]]:
        """Return the properties with keys of a new row; the last rows in `found` are its links."""
        return [
            one.response_property(key for _, key in links)
            for one, links in zip(self._written, self._read(found), strict=True)
        ]

    def _read(self, found: Found) -> Found:
        return found[len(found) - len(self._written) :]

    def with_keys(self, rows: Sequence[bytes], owners: Sequence[Any], found: Found) -> list[bytes]:
        """Add keys of linked rows to the JSON of rows; the last rows in `found` are the links."""
        stored = [*zip(self._written, map(keys_by_owner, self._read(found)), strict=True)]
        return [
            with_json_properties(
                row, [one.response_property(links.get(key, ())) for one, links in stored]
            )
            for row, key in zip(rows, owners, strict=True)
        ]


def link_locks(db: Database, written: Iterable["KeyProperty"]) -> list[Change]:
    """Return the changes that take the write locks of link tables, in the order of the tables."""
    in_order = sorted(written, key=lambda one: one.table)
    return [lock for one in in_order for lock in one.locks(db)]


def new_links_deriver(
    one: "KeyProperty", sent: Sequence[SentRow], distance: int
) -> Callable[[Found], Sequence[Pair]]:
    """Return the function that derives the links of new rows from the rows of the transaction.

    The first new row was inserted `distance` changes before.
    """
    keys_of = new_keys_deriver(len(sent), distance)

    def derive_links(found: Found) -> Sequence[Pair]:
        owners = keys_of(found)
        return [
            (owner, key)
            for owner, (_, row, _) in zip(owners, sent, strict=True)
            for key in one.keys(row)
        ]

    return derive_links


def new_keys_deriver(count: int, distance: int) -> Callable[[Found], list[Any]]:
    """Return the function that derives the keys of new rows from the rows of the transaction.

    The first new row was inserted `distance` changes before.
    """

    def derive_keys(found: Found) -> list[Any]:
        new = found[len(found) - distance :][:count]
        if not all(new):
            raise row_discarded_error()
        return [made[-1] for (made,) in new]

    return derive_keys


def keys_by_owner(links: Sequence[Row]) -> Mapping[Any, list[Any]]:
    """Return the keys of linked rows by the key of their owner."""
    found = defaultdict[Any, list[Any]](list)
    for owner, other in links:
        found[owner].append(other)
    return found


def _links_in_bodies(one: "KeyProperty", sent: Sequence[SentRow]) -> list[Pair]:
    """Return the links that the bodies of existing rows contain, as pairs of keys."""
    return [(key, other) for key, row, _ in sent for other in one.keys(row)]
