"""Checks the rules about rows that are created together with another row, for one caller."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fastapi import HTTPException

from ..database import Change, Database
from ..database.returning import row_discarded_error
from ..database.transaction import Row
from ..errors import MissingTarget
from ..rows.related_writes import RelatedWrite
from .caller import BaseCaller
from .clauses import NEW
from .denials import RowDenied, Write
from .row_operations import RowOperations

Found = Sequence[Sequence[Row]]
"""The rows of the changes before one."""


class GuardedChildren:
    """Checks the rules of rows that refer to a new row.

    They are checked after the new row is inserted, which conditions may read, and before the first
    row that refers to it is inserted, so that errors reveal nothing about unique values.
    """

    def __init__(self, parent: RowOperations, caller: BaseCaller | None) -> None:
        self._parent, self._caller = parent, caller

    def checks(self, db: Database, written: RelatedWrite, distance: int) -> list[Change]:
        """Return the changes that check rows, which raise HTTPException 403, 409.

        `distance` is the number of changes after the insertion of the row that they refer to.
        """
        operations, place = self._parent.operations_on(written.rows), ["body", written.json_name]
        values = [written.rows._values.read(row) for row in written.created]
        parent = f"{NEW}{written.by}"
        fields: list[Change] = []
        for change in self._field_checks(db, operations, written, values, place):
            derive = key_deriver(distance + len(fields) + 1, parent)
            fields.append(replace(change, derive=derive))

        def error_at_child(error: MissingTarget, index: int) -> HTTPException:
            problems: Any = error.detail
            detail = [{**one, "loc": [*place, index, *one["loc"][1:]]} for one in problems]
            return HTTPException(error.status_code, detail)

        new = [(None, one) for one in values]
        changes = [*fields, *operations.references.checks(db.kind, new, error_at_child)]
        asked = operations.creation_check(db.kind)
        for index, row in enumerate(values if asked is not None else ()):
            assert asked is not None
            write = Write("create", None, row, above=written.by)
            changes.append(
                Change(
                    asked,
                    operations.new_values(row),
                    check=self._permission_check(operations, write, [*place, index]),
                    derive=key_deriver(distance + len(changes) + 1, parent),
                )
            )
        return changes

    def _field_checks(
        self,
        db: Database,
        operations: RowOperations,
        written: RelatedWrite,
        values: Sequence[Mapping[str, Any]],
        place: Sequence[str | int],
    ) -> Iterator[Change]:
        """Yield the changes that check which properties of the rows the caller may set.

        One of them is the reference to the new row.
        """
        fields, kind = operations.fields, db.kind
        for index, (row, new) in enumerate(zip(written.created, values, strict=True)):
            bound, of_row = operations.new_values(new), [*place, index]
            yield from fields.checks_of_new_row(kind, row, self._caller, bound, of_row)
            yield from fields.checks_of_value(kind, written.by, bound, of_row)

    def read(self, db: Database, written: RelatedWrite, distance: int) -> Change:
        """Return the change that reads a new row if the caller can read it.

        Its insertion is `distance` changes before.
        """
        use = self._parent.operations_on(written.rows).statements_for(db.kind)
        return Change(use.read, {}, derive=key_deriver(distance, "key__"))

    def encode(self, db: Database, written: RelatedWrite, found: Found) -> bytes:
        """Return the JSON array of new rows as the caller sees them, from those of `read`."""
        use = self._parent.operations_on(written.rows).statements_for(db.kind)
        return use.rows.write_all([row for (row,) in found])

    def _permission_check(
        self, operations: RowOperations, write: Write, place: Sequence[str | int]
    ) -> Callable[[Sequence[Row]], None]:
        def raise_if_denied(found: Sequence[Row]) -> None:
            if not found:
                raise RowDenied(operations, self._caller, write, place)

        return raise_if_denied


def key_deriver(distance: int, name: str) -> Callable[[Found], dict[str, Any]]:
    """Return the function that derives the parameter `name`: the key of a row inserted before.

    Its insertion is `distance` changes before: 1 is the change directly before.
    """

    def derive_key(found: Found) -> dict[str, Any]:
        if not found[-distance]:
            raise row_discarded_error()
        return {name: found[-distance][0][-1]}

    return derive_key
