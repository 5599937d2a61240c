"""Rejects references to rows that a caller cannot read, with the error for missing rows."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import HTTPException
from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    Select,
    bindparam,
    exists,
    literal_column,
    or_,
    select,
)

from ..database import Change
from ..database.properties import Properties
from ..database.transaction import Row
from ..errors import MAX_PROBLEMS, MissingTarget
from ..query.visibility import Visibility

_VALUE = "_target__"
"""The prefix of parameters with the values of references."""
Check = Callable[[Sequence[Row]], None]
Written = tuple[Any, Mapping[str, Any]]
"""The key of an updated row, or None for a new row, and its new values."""


@dataclass(frozen=True, slots=True)
class _Reference:
    """A reference of a table."""

    name: str
    """The attribute."""
    column: Column[Any]
    target: Column[Any]
    words: str
    """The words for a row of the target."""


class ReadableReferences:
    """Checks that new references lead to rows that callers with some roles can read.

    An update may repeat the stored value if responses show it.
    """

    def __init__(
        self, properties: Properties, shown: Collection[str], visibility: Visibility
    ) -> None:
        self._properties, self._shown, self._visibility = properties, shown, visibility
        self._key = properties.columns[properties.key]
        self._references = [
            _Reference(name, column, key.column, properties.row_words(key.column.table))
            for name, column in properties.columns.items()
            for key in column.foreign_keys
        ]
        self._hiding = {
            one.name for one in self._references if visibility.hides_rows(one.target.table)
        }
        self._statements: dict[tuple[object, ...], Select[*tuple[Any, ...]]] = {}

    def checks(
        self,
        kind: str,
        rows: Sequence[Written],
        placed: Callable[[MissingTarget, int], HTTPException],
    ) -> list[Change]:
        """Return the changes that raise HTTPException if new values refer to unreadable rows.

        All rows of a request are checked before the error, which has the problems of all. `placed`
        returns the error about one row.
        """
        changes: list[Change] = []
        errors: dict[int, HTTPException] = {}
        new: set[Any] = set()
        for index, (key, values) in enumerate(rows):
            own = values.get(self._properties.key, key)
            new |= set() if own is None else {own}
            asked = [one for one in self._references if values.get(one.name) is not None]
            if not any(one.name in self._hiding for one in asked):
                continue
            bound = {f"{_VALUE}{one.name}": values[one.name] for one in asked}
            bound |= {} if key is None else {"key__": key}
            own_table = [one.name for one in asked if one.target is self._key]
            here = {name for name in own_table if values[name] in new}
            check = self._missing_check(asked, here, errors, index, placed)
            changes.append(
                Change(self._statement(kind, asked, is_new=key is None), bound, check=check)
            )
        if changes:
            changes[-1] = replace(
                changes[-1], check=_check_then_raise_all(changes[-1].check, errors)
            )
        return changes

    def _missing_check(
        self,
        asked: Sequence[_Reference],
        new: Collection[str],
        errors: dict[int, HTTPException],
        index: int,
        placed: Callable[[MissingTarget, int], HTTPException],
    ) -> Check:
        """Return the check that adds the error about a row to `errors`.

        `new` are the references to rows that the request creates.
        """

        def add_error_if_missing(found: Sequence[Row]) -> None:
            errors.pop(index, None)  # the transaction may be repeated
            missing = {
                self._properties.json_name(one.name): one.words
                for one, is_there in zip(asked, found[0], strict=True)
                if not (is_there or one.name in new)
            }
            if missing:
                errors[index] = placed(MissingTarget(missing), index)

        return add_error_if_missing

    def _statement(
        self, kind: str, asked: Sequence[_Reference], *, is_new: bool
    ) -> Select[*tuple[Any, ...]]:
        """Return the SELECT with a condition for each reference: its target can be read."""
        chosen = (kind, is_new, tuple(one.name for one in asked))
        if chosen not in self._statements:
            found = [self._is_readable(one, kind, is_new=is_new) for one in asked]
            self._statements[chosen] = select(*found)
        return self._statements[chosen]

    def _is_readable(self, one: _Reference, kind: str, *, is_new: bool) -> Any:
        value = bindparam(f"{_VALUE}{one.name}", type_=one.column.type)
        rows = self._visibility.source(one.target.table, "target_", kind)
        is_target = rows.c[one.target.key] == value
        possible: ColumnElement[bool] = exists(select(_ONE).select_from(rows).where(is_target))
        if not is_new and one.name in self._shown:
            own = self._properties.table.alias("own_")
            is_same = own.c[self._key.key] == bindparam("key__", type_=self._key.type)
            kept = select(_ONE).select_from(own).where(is_same, own.c[one.column.key] == value)
            possible = or_(possible, exists(kept))
        return possible.label(one.name)


_ONE: ColumnElement[int] = literal_column("1", Integer())


def _check_then_raise_all(check: Check | None, errors: Mapping[int, HTTPException]) -> Check:
    """Return the check of the last row, which then raises the errors about all rows."""

    def raise_errors(found: Sequence[Row]) -> None:
        if check is not None:
            check(found)
        if len(errors) == 1:
            raise next(iter(errors.values()))
        if errors:
            problems: list[Any] = [one for error in errors.values() for one in error.detail]
            raise HTTPException(409, problems[:MAX_PROBLEMS])

    return raise_errors
