"""Indexes of several columns. Reason to change: what an index can be."""

from dataclasses import dataclass

from .names import FieldName


@dataclass(frozen=True, slots=True)
class Index:
    """A multicolumn index or unique constraint."""

    fields: tuple[FieldName, ...]
    unique: bool = False
