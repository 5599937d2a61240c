"""Why a foreign key failed: which targets are missing, or which rows refer to a deleted one.

SQLite does not name the foreign key, and PostgreSQL names only the first one. So rows are looked up
after the error: on SQLite in the same transaction, on PostgreSQL after it was rolled back.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import ForeignKey, bindparam, literal_column, select

from ..errors import MAX_PROBLEMS, MissingTarget, Referenced
from .blocking_rows import BlockingRows, blocking_rows, single_foreign_keys
from .codes import Fault
from .faults import classify, violated_foreign_key
from .properties import Properties
from .statements import Prepared, Values
from .transaction import Key, Work

LOOKUPS_AT_ONCE = 50
"""The lookups of one statement. PostgreSQL can return 1,664 columns."""
Searches = list[tuple[Sequence[BlockingRows], Prepared]]
_TOO_DEEP = "too many levels of trigger recursion"
"""SQLite's message for a chain of more than 1,000 cascades."""


class ForeignKeyDiagnosis:
    """The Diagnosis of statements that write rows of one table."""

    def __init__(self, properties: Properties) -> None:
        self._properties = properties
        self._key = properties.columns[properties.key]
        self._targets: dict[str, Prepared] = {}
        self._blocking: list[BlockingRows] | None = None
        self._searches: dict[str, Searches] = {}

    def __call__(self, error: Exception, failed: Prepared, bound: Values) -> Work[Exception]:
        """Return MissingTarget or Referenced for an error about a foreign key."""
        if failed.deletes and str(error) == _TOO_DEEP:
            return Referenced(
                reasons=["More than 1,000 levels of rows would be deleted with it"],
                kind="too_deep",
            )
        if classify(error) not in {Fault.REFERENCE, Fault.REFERENCED}:
            return error
        if failed.deletes:
            return (yield from self._explain_deletion(error, failed, bound))
        return (yield from self._missing_target(error, failed, bound))

    def _missing_target(self, error: Exception, failed: Prepared, bound: Values) -> Work[Exception]:
        """Look up the rows that the values of a row refer to."""
        values = {name: bound.get(name) for name, _ in self._references}
        rows, _ = yield self._lookup_statement(failed), values, None
        named = violated_foreign_key(error, self._properties.table)
        own = {(self._key, bound.get(self._properties.key))}
        missing = [*self._missing_keys(values, rows[0], own)]
        missing += [key for _, key in self._references if key.constraint is named]
        if missing:
            return self._missing_target_error(missing)
        return Referenced() if isinstance(error, sqlite3.Error) else error

    def missing_target(
        self, written: Prepared, values: Values, new: set[Key]
    ) -> Work[MissingTarget | None]:
        """Look up the rows that the values of another row refer to."""
        if self._properties.key in values:
            new.add((self._key, values[self._properties.key]))
        referring = {name: values.get(name) for name, _ in self._references}
        if all(value is None for value in referring.values()):
            return None
        lookup = self._lookup_statement(written)
        rows, _ = yield lookup, lookup.values(referring), None
        missing = [*self._missing_keys(referring, rows[0], new)]
        return self._missing_target_error(missing) if missing else None

    @cached_property
    def _references(self) -> list[tuple[str, ForeignKey]]:
        """The foreign keys, each with its attribute."""
        keys = single_foreign_keys(self._properties.table)
        return [(self._properties.attribute_of(key.parent), key) for key in keys]

    def _lookup_statement(self, written: Prepared) -> Prepared:
        """Return the statement that says for each foreign key whether its target exists."""
        lookup = self._targets.get(written.kind)
        if lookup is None:
            found = [
                select(literal_column("1")).where(key.column == bindparam(name)).exists()
                for name, key in self._references
            ]
            lookup = self._targets[written.kind] = Prepared(select(*found), written.dialect, ())
        return lookup

    def _missing_keys(
        self, values: Values, found: Sequence[Any], new: set[Key]
    ) -> Iterator[ForeignKey]:
        """Yield the foreign keys whose values neither exist nor are in `new`."""
        for (name, key), is_there in zip(self._references, found, strict=True):
            value = values[name]
            if not (value is None or is_there or (key.column, value) in new):
                yield key

    def _missing_target_error(self, missing: Sequence[ForeignKey]) -> MissingTarget:
        words = self._properties.row_words
        return MissingTarget(
            {
                self._properties.json_name(name): words(key.column.table)
                for name, key in self._references
                if key in missing
            }
        )

    def _explain_deletion(
        self, error: Exception, failed: Prepared, bound: Values
    ) -> Work[Exception]:
        """Search for the rows that prevent the deletion of one row, or of several."""
        if "key__" not in bound:
            return (yield from self._explain_bulk_deletion(error, failed, bound))
        if self._blocking is None:
            self._blocking = blocking_rows(self._properties)
        found = yield from self._existing_rows(
            self._single_searches(failed), {"key__": bound["key__"]}
        )
        named = violated_foreign_key(error, self._properties.table)
        if all(one.key.constraint is not named for one in found):  # they are gone meanwhile
            found += [one for one in self._blocking if one.key.constraint is named][:1]
        reasons = [one.reason for one in found[:MAX_PROBLEMS]]
        return Referenced(reasons=reasons) if reasons else Referenced()

    def _explain_bulk_deletion(
        self, error: Exception, failed: Prepared, bound: Values
    ) -> Work[Exception]:
        """Search for the rows that prevent the deletion of each of several rows.

        The values of the statement are the keys of these rows, in the order of the request.
        """
        searches = _searches(blocking_rows(self._properties, [*bound]), failed)
        found: list[tuple[int, str]] = []
        for index, name in enumerate(bound):
            blocking = yield from self._existing_rows(searches, {**bound, "key__": bound[name]})
            found += [(index, one.reason) for one in blocking]
            if len(found) >= MAX_PROBLEMS:
                break
        if not found:
            return error
        indexes, reasons = zip(*found[:MAX_PROBLEMS], strict=True)
        return Referenced(reasons=reasons, indexes=indexes)

    def _existing_rows(self, searches: Searches, bound: Values) -> Work[list[BlockingRows]]:
        """Return the blocking rows that exist."""
        found: list[BlockingRows] = []
        for part, search in searches:
            rows, _ = yield search, dict(bound), None
            found += [one for one, there in zip(part, rows[0], strict=True) if there]
        return found

    def _single_searches(self, failed: Prepared) -> Searches:
        """Return the searches for the rows that prevent the deletion of one row."""
        searches = self._searches.get(failed.kind)
        if searches is None:
            searches = self._searches[failed.kind] = _searches(self._blocking or [], failed)
        return searches


def _searches(blocking: Sequence[BlockingRows], failed: Prepared) -> Searches:
    """Return the parts of the blocking rows, each with the statement that searches for them."""
    parts = [
        blocking[start : start + LOOKUPS_AT_ONCE]
        for start in range(0, len(blocking), LOOKUPS_AT_ONCE)
    ]
    return [
        (part, Prepared(select(*(one.exist for one in part)), failed.dialect, ())) for part in parts
    ]
