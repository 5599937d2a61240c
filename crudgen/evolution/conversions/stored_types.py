"""The types that values are stored as. Reason to change: another type of the language."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from crudgen.evolution.changes import Conversion


class Kind(Enum):
    """The types whose values are stored in different ways. Enums, addresses and URLs are text."""

    TEXT = "text"
    INT = "int"
    FLOAT = "float"
    DECIMAL = "decimal"
    BOOL = "bool"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    UUID = "uuid"
    JSON = "json"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class StoredType:
    """A kind of values, and the digits of decimals."""

    kind: Kind
    precision: int = 0
    scale: int = 0

    @property
    def before_point(self) -> int:
        """The number of digits of a decimal before the point."""
        return self.precision - self.scale


Converter: TypeAlias = Callable[[StoredType, StoredType], Conversion]
Converters: TypeAlias = Mapping[tuple[Kind, Kind], Converter]
Versions: TypeAlias = Mapping[tuple[Kind, Kind], int]


def constant_converter(expression: str, survives: str | None = None) -> Converter:
    """Return a Converter with the same result for all digits of decimals."""
    found = Conversion(expression, survives)
    return lambda _before, _after: found
