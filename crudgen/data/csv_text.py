"""CSV (RFC 4180), where an empty cell differs from an empty text. Reason to change: its syntax.

As in PostgreSQL's COPY, an empty cell is no value, and `""` is an empty text. Python's reader
returns both as the same.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from crudgen.errors import DataError

from .forms import COMMA
from .lines import MAX_RECORD

# Possessive, so that matching a long cell takes no memory for backtracking.
# It is formatted with the delimiter.
_CELL = r'(?:"((?:[^"]++|"")*+)"|([^"{0}\r\n]*+))({0}|\r?\n|\r|\Z)'
_REMEDY = '  quote the cell, and double the marks in it: "say ""hi"""'
_QUOTED = re.compile(r'["\r\n]')


def csv_line(cells: Iterable[str | None], delimiter: str = COMMA) -> str:
    """Return a line of CSV; None is an empty cell, and an empty text is quoted."""
    written = ["" if cell is None else _quoted(cell, delimiter) for cell in cells]
    return delimiter.join(written) + "\r\n"


def _quoted(cell: str, delimiter: str) -> str:
    if cell and delimiter not in cell and not _QUOTED.search(cell):
        return cell
    doubled = cell.replace('"', '""')
    return f'"{doubled}"'


def csv_records(
    lines: Iterable[str], name: str, delimiter: str = COMMA, limit: int | None = MAX_RECORD
) -> Iterator[tuple[int, Sequence[str | None]]]:
    """Yield the cells of each record, and the number of its first line. Empty lines are skipped.

    `lines` have their ends. `limit` is the most characters of a record of several lines; None is
    no limit. Raises DataError, with the line, for quotation marks in wrong places.
    """
    numbered, pattern = enumerate(lines, 1), re.compile(_CELL.format(re.escape(delimiter)))
    for first, line in numbered:
        if '"' not in line:
            if text := line.rstrip("\r\n"):
                yield first, [cell or None for cell in text.split(delimiter)]
            continue
        record, length, marks = [line], len(line), line.count('"')
        while marks % 2:
            following = next(numbered, None)
            if following is None or (limit is not None and length > limit):
                raise DataError(f"{name}:{first}: a quotation mark is never closed\n{_REMEDY}")
            record.append(following[1])
            length += len(following[1])
            marks += following[1].count('"')
        yield first, _cells("".join(record), pattern, f"{name}:{first}")


def _cells(record: str, pattern: re.Pattern[str], place: str) -> list[str | None]:
    cells: list[str | None] = []
    position = 0
    while True:
        match = pattern.match(record, position)
        if match is None:
            raise DataError(
                f"{place}: a quotation mark in cell {len(cells) + 1} is not at its beginning or"
                f" end\n{_REMEDY}"
            )
        quoted, plain, end = match.groups()
        cells.append(plain or None if quoted is None else quoted.replace('""', '"'))
        position = match.end()
        if not end.strip("\r\n"):
            return cells
