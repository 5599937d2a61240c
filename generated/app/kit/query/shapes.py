"""Caches of the compiled statements of lists, and their limits: clients determine the queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from weakref import WeakSet

from ..database.json_rows import JsonRowEncoder
from ..database.statements import Prepared

MAX_TABLE_BYTES = 8_000_000
"""Most bytes of the cached shapes of one table, by their estimate, which is close to the truth."""
MAX_BYTES = 64_000_000
"""Most bytes of the cached shapes of all tables of the process."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The compiled statements of all queries that differ only in values, and their row encoder.

    It keeps no SQL expressions, which take a hundred times the memory of the SQL.
    """

    rows: JsonRowEncoder
    page: Prepared
    count: Prepared | None
    """Counts the matching rows, if the query asks for the count."""

    overhead: ClassVar = 1000
    """Bytes of the shape with its key and its encoder, without the statements."""

    @property
    def statements(self) -> Sequence[Prepared | None]:
        """The statements of the page and of the count, if there is one."""
        return self.page, self.count

    @property
    def size(self) -> int:
        """The estimated bytes of memory."""
        return self.overhead + sum(one.size for one in self.statements if one is not None)


class ShapeCache:
    """The shapes of one table, by all that determines their statements.

    If a shape would exceed a limit, the cache is emptied; if the total of all caches would exceed
    theirs, the largest cache is.
    """

    def __init__(self) -> None:
        self.shapes: dict[tuple[object, ...], Shape] = {}
        self.size = 0
        """The estimated bytes of the shapes."""
        _caches.add(self)

    def add(self, key: tuple[object, ...], shape: Shape) -> Shape:
        """Add a shape, and return it."""
        size = shape.size
        if self.size + size > MAX_TABLE_BYTES:
            self.clear()
        caches = [*_caches]
        if sum(one.size for one in caches) + size > MAX_BYTES:
            max(caches, key=lambda one: one.size).clear()
        self.shapes[key] = shape
        self.size += size
        return shape

    def clear(self) -> None:
        """Remove all shapes."""
        self.shapes.clear()
        self.size = 0


_caches: WeakSet[ShapeCache] = WeakSet()
