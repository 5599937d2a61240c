"""Checks the rules about links that request bodies write by keys, for one caller."""

from collections.abc import Sequence
from typing import Any

from ..rows.related_writes import BodyLinkKeys
from .caller import BaseCaller
from .denials import RowDenied, Write
from .row_operations import RowOperations


class GuardedKeys:
    """Decides which links a caller can read and change.

    Both rows of a link must be readable, and the caller must be allowed to update the row that it
    belongs to: the row of the request, which is checked anyway, or, if the keys are `is_inverse`,
    the linked row.
    """

    def __init__(self, operations: RowOperations, caller: BaseCaller | None) -> None:
        self._operations, self._caller = operations, caller

    def statements(self, keys: BodyLinkKeys, kind: str) -> Any:
        """Return the statements that change the links that the caller can read."""
        return self._operations.link_statements(keys, kind)

    def denial_error(self, keys: BodyLinkKeys, key: Any, place: Sequence[str | int]) -> Exception:
        """Return the error that a linked row may not be updated."""
        rows = self._operations.operations_on(keys.rows)
        rows.access.update.check(self._caller, place)
        return RowDenied(rows, self._caller, Write("update", key), place)
