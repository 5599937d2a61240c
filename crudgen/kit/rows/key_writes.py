"""The changes that write the links of rows by the keys in their request bodies."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..database import Change, Database
from ..database.returning import row_discarded
from ..database.transaction import Row
from .added_properties import extended
from .link_batches import Pair
from .links import check_repeated, missing_rows
from .related_writes import LinkGuard, LinkWrites, SentRow
from .values import is_storable_key

if TYPE_CHECKING:
    from .linking import KeyProperty

Found = Sequence[Sequence[Row]]
"""The rows of the changes of a transaction."""


class KeyWrites:
    """The links that request bodies write by keys.

    With a `guard`, links to rows that its caller cannot read stay as they are and are not read, and
    a rule must allow the update of the row that a link belongs to.
    """

    def __init__(
        self, db: Database, written: Sequence["KeyProperty"], guard: LinkGuard | None = None
    ) -> None:
        self._db, self._written, self._guard = db, written, guard

    def statements(self, one: "KeyProperty") -> Any:
        """Return the statements that change the links of several rows."""
        if self._guard is None:
            return one.batches(self._db)
        return self._guard.statements(one, self._db.kind)

    def kept(
        self, one: "KeyProperty", sent: Sequence[SentRow], new: Sequence[Any] = ()
    ) -> list[Change]:
        """Return the changes that keep the rows to link from being deleted.

        They raise HTTPException 409 for keys that no row has, 403 for links that no rule allows to
        change. `new` are the keys of the rows that are created. Raises HTTPException 422 for a
        repeated key.
        """
        lists = [([*place, one.json_name], one.keys(row)) for _, row, place in sent]
        check_repeated(lists)
        raise_missing = missing_rows(lists, one.words)
        others = sorted({key for _, keys in lists for key in keys if is_storable_key(key)})
        created = [(key,) for key in new] if one.is_own else []
        use = self.statements(one)

        def check(found: Sequence[Row]) -> None:
            raise_missing([*found, *created])

        if not use.are_guarded:
            return [use.keep(others, check)]
        denied = self._denied(one, sent)
        owners = [key for key, *_ in sent if key is not None]
        if not owners:
            return [use.lock_rows([], others, check), use.denied_of_new(others, denied)]
        links = _links(one, sent)
        return [use.lock_rows(owners, others, check), use.denied(owners, links, denied)]

    def _denied(
        self, one: "KeyProperty", sent: Sequence[SentRow]
    ) -> Callable[[Sequence[Row]], None]:
        """Return the check of the links that no rule allows to change: it names the first one."""

        def places(key: Any, *owner: Any) -> Iterator[tuple[int, int]]:
            for number, (own, row, _) in enumerate(sent):
                keys = one.keys(row)
                if own in owner or (not owner and key in keys):
                    yield number, keys.index(key) if key in keys else len(keys)

        def check(found: Sequence[Row]) -> None:
            denied = [(place, key) for *owner, key in found for place in places(key, *owner)]
            if denied:
                assert self._guard is not None
                (number, index), key = min(denied)
                _, row, place = sent[number]
                last = [index] if index < len(one.keys(row)) else []
                raise self._guard.denied(one, key, [*place, one.json_name, *last])

        return check

    def of_new(self, sent: Sequence[SentRow], distance: int) -> list[Change]:
        """Return the changes that link rows to new ones, and read the links.

        `distance` is the number of changes since the first new row, and with it.
        """
        changes: list[Change] = []
        for one in self._written:
            if any(one.keys(row) for _, row, _ in sent):
                changes += self.kept(one, sent)
                derive = links_of_new(one, sent, distance + len(changes))
                changes.append(self.statements(one).add_derived(derive))
        for one in self._written:
            derive_keys = keys_of_new(len(sent), distance + len(changes))
            changes.append(self.statements(one).read_derived(derive_keys))
        return changes

    def replaced(self, one: "KeyProperty", sent: Sequence[SentRow]) -> list[Change]:
        """Return the changes that replace the links of existing rows."""
        links, use = _links(one, sent), self.statements(one)
        changes = [use.remove_others([key for key, *_ in sent], links)] if sent else []
        return [*changes, use.add(links)] if links else changes

    def of_existing(self, sent: Sequence[SentRow], *, replaces: bool) -> LinkWrites:
        """Return the changes that replace the links of existing rows, and read them.

        They are replaced before the rows change: a change of a row may show or hide linked rows,
        and the links to be replaced are those that the caller can read in the request.
        """
        with_keys = {
            one: [row for row in sent if replaces or one.is_in(row[1])] for one in self._written
        }
        with_keys = {one: rows for one, rows in with_keys.items() if rows}
        owners = [key for key, *_ in sent]
        before = [change for one, rows in with_keys.items() for change in self.kept(one, rows)]
        before += [change for one, rows in with_keys.items() for change in self.replaced(one, rows)]

        def extended_rows(rows: Sequence[bytes], found: Found) -> list[bytes]:
            return self.extended(rows, owners, found)

        return LinkWrites(
            locks=link_locks(self._db, with_keys),
            before=before,
            after=[self.statements(one).read(owners) for one in self._written],
            extended=extended_rows,
        )

    def properties(self, found: Found) -> list[tuple[str, bytes]]:
        """Return the properties of a new row; the last changes in `found` read the links."""
        return [
            one.property_with(key for _, key in links)
            for one, links in zip(self._written, self._read(found), strict=True)
        ]

    def _read(self, found: Found) -> Found:
        return found[len(found) - len(self._written) :]

    def extended(self, rows: Sequence[bytes], owners: Sequence[Any], found: Found) -> list[bytes]:
        """Return the JSON of rows with keys; the last changes in `found` read the links."""
        stored = [*zip(self._written, map(by_owner, self._read(found)), strict=True)]
        return [
            extended(row, [one.property_with(links.get(key, ())) for one, links in stored])
            for row, key in zip(rows, owners, strict=True)
        ]


def link_locks(db: Database, written: Iterable["KeyProperty"]) -> list[Change]:
    """Return the changes that take the write locks of link tables, in the order of the tables."""
    in_order = sorted(written, key=lambda one: one.table)
    return [lock for one in in_order for lock in one.locks(db)]


def links_of_new(
    one: "KeyProperty", sent: Sequence[SentRow], distance: int
) -> Callable[[Found], Sequence[Pair]]:
    """Return the function that returns the links of new rows, from the rows of the transaction.

    `distance` is the number of changes since the first new row, and with it.
    """
    keys_of = keys_of_new(len(sent), distance)

    def derive(found: Found) -> Sequence[Pair]:
        owners = keys_of(found)
        return [
            (owner, key)
            for owner, (_, row, _) in zip(owners, sent, strict=True)
            for key in one.keys(row)
        ]

    return derive


def keys_of_new(count: int, distance: int) -> Callable[[Found], list[Any]]:
    """Return the function that returns the keys of new rows, from the rows of the transaction."""

    def derive(found: Found) -> list[Any]:
        new = found[len(found) - distance :][:count]
        if not all(new):
            raise row_discarded()
        return [made[-1] for (made,) in new]

    return derive


def by_owner(links: Sequence[Row]) -> Mapping[Any, list[Any]]:
    """Return the keys of linked rows by the key of their owner."""
    found = defaultdict[Any, list[Any]](list)
    for owner, other in links:
        found[owner].append(other)
    return found


def _links(one: "KeyProperty", sent: Sequence[SentRow]) -> list[Pair]:
    """Return the links that the bodies of existing rows ask for."""
    return [(key, other) for key, row, _ in sent for other in one.keys(row)]
