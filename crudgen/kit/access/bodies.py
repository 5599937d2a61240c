"""Checks the rows of other tables that request bodies refer to or create."""

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import Any

from fastapi import HTTPException
from sqlalchemy import Table, bindparam, select

from ..database import Database
from ..errors import MAX_PROBLEMS, problem
from ..models import Model
from ..rows.related_writes import RelatedWrite
from ..rows.resource import Resource
from ..rows.values import is_storable_key
from .caller import BaseCaller
from .rules import access_of

Place = Sequence[str | int]


class References:
    """The references of a table, which a caller may only set to rows that they may read."""

    def __init__(self, rows: Resource) -> None:
        self._properties = rows._properties

    @cached_property
    def _targets(self) -> Sequence[tuple[str, str, str, Table]]:
        """The references: attribute, JSON name, words for a target row, and target table.

        They are found late, because the module of a target may be imported after this one.
        """
        properties = self._properties
        return [
            (name, properties.json_name(name), properties.row_words(target), target)
            for name, column in properties.columns.items()
            for target in (key.column.table for key in column.foreign_keys)
        ]

    def reference_problems(
        self, row: Model, caller: BaseCaller | None, place: Place, kept: Collection[str] = ()
    ) -> Iterator[dict[str, Any]]:
        """Yield a problem for each reference to a row that the caller may not read.

        A reference to a missing row has the same problem. References in `kept` are not checked.
        """
        for name, json_name, words, _ in self.hidden_references(row, caller):
            if name not in kept:
                yield problem("no_target", [*place, json_name], f"There is no such {words}")

    def hidden_references(
        self, row: Model, caller: BaseCaller | None
    ) -> Iterator[tuple[str, str, str, Table]]:
        """Yield the references of a body to rows that the caller may not read."""
        for one in self._targets:
            value = getattr(row, one[0], None)
            if value is not None and not access_of(one[-1]).read.admits_to_all(caller):
                yield one


class Bodies:
    """Checks and completes the request bodies of a resource for a caller."""

    def __init__(self, rows: Resource) -> None:
        self._rows = rows
        self._references = References(rows)
        self._of_related: dict[Table, References] = {}

    def check(
        self,
        rows: Sequence[Model],
        caller: BaseCaller | None,
        *,
        several: bool = False,
        kept: Sequence[Collection[str]] = (),
    ) -> None:
        """Raise HTTPException if the bodies refer to rows that the caller may not read (409).

        `kept` has the references of each row that its body does not change. Raises Forbidden (403)
        if the bodies create rows that the caller may not create.
        """
        problems: list[dict[str, Any]] = []
        for index, row in enumerate(rows):
            place: Place = ["body", index] if several else ["body"]
            problems += self._references.reference_problems(
                row, caller, place, kept[index] if kept else ()
            )
            problems += self._related_row_problems(row, caller, place)
            problems += self._child_reference_problems(row, caller, place)
        if problems:
            raise HTTPException(409, problems[:MAX_PROBLEMS])

    def check_related(
        self, rows: Sequence[Model], caller: BaseCaller | None, *, several: bool = False
    ) -> None:
        """Raise Forbidden (403) if the bodies create child rows that the caller may not create.

        References and links are not checked.
        """
        for index, row in enumerate(rows):
            place: Place = ["body", index] if several else ["body"]
            for one in self._rows.related_writes(row):
                self._check_may_create(one, caller, place)

    async def unchanged_references(
        self, db: Database, key: Any, row: Model, caller: BaseCaller | None
    ) -> Collection[str]:
        """Return the references to hidden rows whose value in the body is the stored one.

        So a row that was read can be sent back. Immutable references are unchanged too. References
        that responses do not show are not compared, because that would reveal their value.
        """
        if not is_storable_key(key):
            return ()
        properties, found = self._rows._properties, set[str]()
        values, fixed = self._rows._values.read(row), getattr(self._rows, "_immutable", ())
        for name, *_ in self._references.hidden_references(row, caller):
            column = properties.columns[name]
            conditions: list[Any] = [properties.columns[properties.key] == bindparam("key__")]
            bound: dict[str, Any] = {"key__": key}
            if name not in fixed:
                conditions.append(column == bindparam("value__"))
                bound["value__"] = values[name]
            if name in self._rows._columns.shown and await db.read(
                select(column).where(*conditions), bound
            ):
                found.add(name)
        return found

    async def unchanged_references_of_all(
        self, db: Database, rows: Sequence[Model], caller: BaseCaller | None
    ) -> Sequence[Collection[str]]:
        """Return `unchanged_references` of each row of a bulk update, whose items have the keys."""
        key = self._rows._key
        return [await self.unchanged_references(db, getattr(row, key), row, caller) for row in rows]

    def _related_row_problems(
        self, row: Model, caller: BaseCaller | None, place: Place
    ) -> Iterator[dict[str, Any]]:
        """Yield a problem for each key of a linked row that the caller may not read.

        Raises Forbidden (403) if the caller may not create the child rows.
        """
        for one in self._rows.related_writes(row):
            table = one.rows._properties.table
            where = [*place, one.json_name]
            self._check_may_create(one, caller, place)
            if one.keys and not access_of(table).read.admits_to_all(caller):
                words = one.rows._properties.row_words(table)
                for index in range(len(one.keys)):
                    yield problem("no_target", [*where, index], f"There is no such {words}")

    def _check_may_create(self, one: RelatedWrite, caller: BaseCaller | None, place: Place) -> None:
        if one.created:
            where = [*place, one.json_name]
            access_of(one.rows._properties.table).create.check(caller, where)

    def _child_reference_problems(
        self, row: Model, caller: BaseCaller | None, place: Place
    ) -> Iterator[dict[str, Any]]:
        for one in self._rows.related_writes(row):
            table = one.rows._properties.table
            if one.created and table not in self._of_related:
                self._of_related[table] = References(one.rows)
            for index, child in enumerate(one.created):
                where = [*place, one.json_name, index]
                yield from self._of_related[table].reference_problems(child, caller, where)

    def with_caller_values(self, row: Model, caller: BaseCaller | None) -> Model:
        """Return a new row, and its child rows, with the values that come from the caller."""
        for one in self._rows.related_writes(row):
            presets = access_of(one.rows._properties.table).presets
            if one.created and presets.names:
                children = [presets.fill(child, caller) for child in one.created]
                row = row.model_copy(update={one.attribute: children})
        return access_of(self._rows._properties.table).presets.fill(row, caller)

    def are_readable(self, rows: Sequence[Model], caller: BaseCaller | None) -> bool:
        """Return whether a caller may read all related rows in a response with written rows."""
        return all(
            access_of(one.rows._properties.table).read.admits_to_all(caller)
            for row in rows
            for one in self._rows.related_writes(row)
            if one.created or one.is_shown
        )
