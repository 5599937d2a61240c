"""Unique constraints of made-up rows. Reason to change: what has to be unique in a table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crudgen.language.names import FieldName
from crudgen.language.schema import Entity, KeyKind, Value

Row = Mapping[FieldName, Value]


@dataclass(slots=True)
class UniqueValues:
    """The values that rows have in the fields of one unique constraint."""

    fields: tuple[FieldName, ...]
    taken: set[Any] = field(default_factory=set)

    def key(self, row: Row) -> Any:
        """Return the values of a row; None if one of them is null: nulls do not conflict."""
        if len(self.fields) == 1:
            return row[self.fields[0]]
        values = tuple(row[name] for name in self.fields)
        return None if None in values else values

    def conflicts(self, row: Row) -> bool:
        """Return whether another row has the values of a row."""
        return (key := self.key(row)) is not None and key in self.taken

    def add(self, row: Row) -> None:
        """Keep the values of a row."""
        if (key := self.key(row)) is not None:
            self.taken.add(key)

    def add_all(self, rows: Iterable[Sequence[Value]]) -> None:
        """Keep the values of rows, in the order of the fields."""
        single = len(self.fields) == 1
        for row in rows:
            if None not in row:
                self.taken.add(row[0] if single else tuple(row))

    def __str__(self) -> str:
        return ", ".join(self.fields)


def unique_constraints(entity: Entity) -> list[UniqueValues]:
    """Return the unique constraints of a table; not that of a key that the server generates."""
    chosen = entity.key_kind is KeyKind.CLIENT
    single = [(one.name,) for one in entity.fields if one.unique or (one.pk and chosen)]
    several = [index.fields for index in entity.indexes if index.unique]
    return [UniqueValues(fields) for fields in dict.fromkeys((*single, *several))]
