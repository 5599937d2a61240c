"""Random rows for the tables of any spec, with values at the edges of their types."""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    UniqueConstraint,
    insert,
)

from crudgen.data.dump_contents import sorted_by_references
from crudgen.kit.database.columns import python_type

Value = Callable[[random.Random, int], Any]
"""Returns a value, from a number that no other row of the table has."""
TEXTS = ("", "a", "ä😀", 'a "b", c', "x\r\ny", "=1+1", "\\", " ", "null", "NaN", "é")
JSON = (0, -0.0, 1.5, 1e300, True, "", "text", [1, {"a": None}], {"b": {"c": [2.5, "ü"]}}, 10**30)


def _text(chance: random.Random, number: int) -> str:
    return f"{chance.choice(TEXTS)}{number}"


VALUES: dict[type, Value] = {
    int: lambda _chance, number: number + 1,
    str: _text,
    bool: lambda chance, _number: chance.random() < 0.5,
    float: lambda chance, _number: chance.choice([-0.0, 0.1, 1e-300, 1e300, 3.0, 2 / 3]),
    bytes: lambda chance, _number: chance.randbytes(chance.randrange(5)),
    date: lambda chance, _number: date.fromordinal(chance.randrange(1, date.max.toordinal())),
    time: lambda chance, _number: time(chance.randrange(24), 5, 6, chance.choice([0, 100, 123456])),
    datetime: lambda chance, _number: (
        datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=chance.randrange(3 * 10**17))
    ),
    uuid.UUID: lambda chance, _number: uuid.UUID(int=chance.getrandbits(128)),
    object: lambda chance, _number: chance.choice(JSON),
}


@dataclass(frozen=True)
class RandomRows:
    """Fills tables."""

    metadata: MetaData
    special: dict[str, Value]
    """Values of columns with rules that the types do not show, by `table.column`."""
    seed: int = 1

    def fill(self, connection: Connection, count: int) -> None:
        """Insert `count` rows into each table of an entity; references may be circular."""
        chance = random.Random(self.seed)  # noqa: S311 -- tests need no secrets
        tables = [one for one in self.metadata.tables.values() if not one.name.startswith("_")]
        keys: dict[str, list[Any]] = {}
        for table in sorted_by_references(tables):
            rows = [self._row(table, chance, number, keys) for number in range(count)]
            unique = {
                tuple(row[name] for one in _unique(table) for name in one): row for row in rows
            }
            keys |= {
                f"{table.name}.{column.name}": [row[column.name] for row in unique.values()]
                for column in table.primary_key
            }
            if rows:
                connection.execute(insert(table), [*unique.values()])

    def _row(
        self, table: Table, chance: random.Random, number: int, keys: dict[str, list[Any]]
    ) -> dict[str, Any]:
        return {column.name: self._value(column, chance, number, keys) for column in table.columns}

    def _value(
        self, column: Column[Any], chance: random.Random, number: int, keys: dict[str, list[Any]]
    ) -> Any:
        if column.nullable and chance.random() < 0.3:
            return None
        for key in column.foreign_keys:
            known = keys.get(key.target_fullname)
            return chance.choice(known) if known else None
        special = self.special.get(f"{column.table.name}.{column.name}")
        return (special or _of_type(column))(chance, number)


def _of_type(column: Column[Any]) -> Value:
    kind = python_type(column.type)
    if kind is Decimal:
        precision, scale = column.type.precision, column.type.scale  # type: ignore[attr-defined]
        most = 10**precision - 1
        return lambda chance, _number: Decimal(chance.randint(-most, most)).scaleb(-scale)
    return VALUES[kind]


def _unique(table: Table) -> list[tuple[str, ...]]:
    return [
        tuple(column.name for column in one.columns)
        for one in table.constraints
        if isinstance(one, UniqueConstraint)
    ] or [tuple(column.name for column in table.primary_key)]
