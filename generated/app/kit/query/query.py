"""What a client asks of a list, read and checked."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel


class SparseRow(BaseModel):
    """Some of a row's properties: those that `fields` names."""

    model_config = {"extra": "allow"}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition; the values are what the column is compared with."""

    column: str
    operator: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a client asks of a list."""

    limit: int
    sort: tuple[tuple[str, bool], ...]
    """The columns to sort by, each with whether it descends; the key is the last of them."""
    offset: int = 0
    filters: tuple[Filter, ...] = ()
    words: tuple[tuple[str, str], ...] = ()
    """What the searched columns hold, in small letters: each word in one of them.

    Each is in NFC, and as it was sent for columns that keep text so.
    """
    fields: tuple[str, ...] = ()
    """The properties to answer; none: all of them."""
    count: bool = False
    """Whether to count all rows that are found."""
    cursor: str | None = None
    """Where the page begins; empty: at the first row."""
    sent: str = ""
    """The parameters that do not choose the page, each behind an `&`: for the links."""

    @property
    def asked(self) -> tuple[object, ...]:
        """What a cursor is bound to."""
        return (self.sort, self.filters, self.words)

    @property
    def is_plain(self) -> bool:
        """Whether the rows come in the order of the key, and none is left out."""
        return len(self.sort) == 1 and not self.filters and not self.words
