"""Locations in spec files. Reason to change: which part of a line a diagnostic marks."""

from typing import NamedTuple

from crudgen.errors import Diagnostic

_MAX_LINE = 200
"""Longer lines are truncated in diagnostics."""


class Location(NamedTuple):
    """A part of a line in a file. Lines and columns (in characters) count from 1.

    `line` is 0 for a location that is the entire file.
    """

    file: str
    line: int = 0
    column: int = 0
    length: int = 1
    source: str = ""

    def part(self, offset: int, length: int) -> "Location":
        """Return the location of `length` characters, `offset` characters after this one starts."""
        return Location(self.file, self.line, self.column + offset, length, self.source)

    def diagnostic(self, problem: str, remedy: str = "") -> Diagnostic:
        """Return a diagnostic for this location. A long source line is truncated."""
        source, length = self.source, self.length
        if len(source) > _MAX_LINE:
            room = _MAX_LINE - self.column
            source = source[:_MAX_LINE] + "…" if room > 0 else ""
            length = min(length, room) if room > 0 else 1
        column = self.column if self.line else 0
        return Diagnostic(self.file, self.line, column, problem, remedy, source, length)
