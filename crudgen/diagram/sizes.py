"""What of a box is drawn, and its size. Reason to change: how a box looks.

All text is monospaced, so its width is known without the font.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from crudgen.language.names import FieldName

from .contents import Box, BoxRow

HEADER, ROW = 34.0, 22.0
"""Height of the header with the name of the entity, and of each row."""
PADDING = 12.0
MARKS_WIDTH = 26.0
"""Width of the column with `PK`, `FK` and `UK`."""
_CHARACTER, _HEADER_CHARACTER = 7.5, 8.6
"""Width of a character, with some room: monospaced fonts differ."""
_BETWEEN = 24.0
"""Least distance between the name and the type of a row."""
_MAX_PLAIN = 12
"""Maximum number of fields that are neither keys nor references."""


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A box with the rows that are drawn."""

    box: Box
    rows: tuple[BoxRow, ...]
    hidden: int
    """Number of fields that are not drawn."""
    width: float
    height: float

    def port(self, row: FieldName | None) -> float:
        """Return the height at which a line meets the box, from its top."""
        for number, one in enumerate(self.rows):
            if one.name == row:
                return HEADER + (number + 0.5) * ROW
        return HEADER / 2


def draw_box(box: Box) -> DrawnBox:
    """Return what is drawn of a box, and its size."""
    plain = [one for one in box.rows if one.is_plain]
    # One line that says "1 more field" would not be shorter.
    hidden = {*plain[_MAX_PLAIN:]} if len(plain) > _MAX_PLAIN + 1 else set()
    fields = [one for one in box.rows if not one.is_relation and one not in hidden]
    relations = [one for one in box.rows if one.is_relation]
    rows = (*fields, *relations)
    lines = len(rows) + bool(hidden)
    width = max([len(box.name) * _HEADER_CHARACTER + 2 * PADDING, *_row_widths(rows)])
    return DrawnBox(box, rows, len(hidden), width, HEADER + lines * ROW)


def _row_widths(rows: tuple[BoxRow, ...]) -> Iterator[float]:
    for row in rows:
        letters = len(row.name) + len(row.type_text)
        yield MARKS_WIDTH + letters * _CHARACTER + _BETWEEN + 2 * PADDING
