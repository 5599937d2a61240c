"""Reads rows of one entity from CSV. Reason to change: what a header or a cell means."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from json.encoder import encode_basestring_ascii as json_text
from typing import TypeAlias

from crudgen.errors import DataError
from crudgen.language.schema import TypeName
from crudgen.language.yaml.problems import quoted, suggest

from .csv_text import csv_line, csv_records
from .forms import DELIMITERS, Form
from .imported_rows import ImportedFile, ImportedRow
from .json_text import json_value

Convert: TypeAlias = Callable[[str], str]
"""Converts a cell to JSON."""
Column: TypeAlias = tuple[str, Convert, bool]
"""The name of a property, as JSON, what converts its cells, and whether they are secret."""
_NUMBERS = {TypeName.INT, TypeName.FLOAT}
_NUMBER = re.compile(r"[ \t]*-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[ \t]*")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a CSV file can have."""

    entity: str
    types: Mapping[str, TypeName]
    """The type of each property."""
    required: Collection[str]
    """The properties that every row has."""
    secret: Collection[str]
    """The properties whose values are not shown."""


def csv_rows(name: str, lines: Iterator[str], columns: Columns, delimiter: str) -> ImportedFile:
    """Return the rows of a CSV file. Raises DataError if its first line names other columns."""
    first = [*_until_text(lines)]
    if (other := _other_delimiter(first, delimiter)) is not None:
        raise DataError(
            f"{name}:{len(first)}: the columns are separated by {_shown(other)}, not by"
            f" {_shown(delimiter)}\n  say so: --delimiter {_shown(other)}"
        )
    records = csv_records(chain(first, lines), name, delimiter)
    line, header = next(records, (1, ()))
    if not header:
        raise DataError(f"{name}: the file is empty\n  the first line names the columns")
    names = [cell or "" for cell in header]
    _check_header(names, columns, f"{name}:{line}")
    found = [
        (json_text(one), _converter(columns.types[one]), one in columns.secret) for one in names
    ]
    rows = _rows(records, found, delimiter)
    return ImportedFile(name, Form.CSV, rows, csv_line(header, delimiter))


def _check_header(names: Sequence[str], columns: Columns, place: str) -> None:
    """Raise DataError for columns that are unknown, repeated or missing."""
    if problems := [*_header_problems(names, columns)]:
        if not all(one in columns.types for one in names):
            problems.append(f"  the first line names the columns, of: {', '.join(columns.types)}")
        raise DataError("\n".join(one if one[0] == " " else f"{place}: {one}" for one in problems))


def _header_problems(names: Sequence[str], columns: Columns) -> Iterator[str]:
    """Yield what is wrong with the names of columns, up to MAX_PROBLEMS."""
    known, taken = columns.types, {*names}
    for number, name in enumerate(names, 1):
        if not name:
            yield f"column {number} has no name"
        elif name not in known:
            remedy = suggest(name, known.keys() - taken)
            meant = f": {remedy}" if remedy.startswith("did you mean") else ""
            yield f"column {number}: {columns.entity} has no field {quoted(name)}{meant}"
        elif name in names[: number - 1]:
            yield f"column {number}: the column {name} is repeated"
    if taken <= known.keys() and (missing := [one for one in columns.required if one not in taken]):
        yield f"{columns.entity} requires {', '.join(missing)}, and there is no such column"


def _until_text(lines: Iterator[str]) -> Iterator[str]:
    """Yield lines up to the first that is not empty."""
    for line in lines:
        yield line
        if line.strip("\r\n"):
            return


def _other_delimiter(lines: Sequence[str], delimiter: str) -> str | None:
    """Return the delimiter that separates names, if the given one separates none."""
    if _width(lines, delimiter) > 1:
        return None
    return next((one for one in DELIMITERS if _width(lines, one) > 1), None)


def _width(lines: Sequence[str], delimiter: str) -> int:
    """Return the number of names in the first line with text; 0 if it is not such a line."""
    try:
        return len(next(csv_records(lines, "", delimiter), (1, ()))[1])
    except DataError:
        return 0


def _shown(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else f"'{delimiter}'"


def _rows(
    records: Iterator[tuple[int, Sequence[str | None]]], columns: Sequence[Column], delimiter: str
) -> Iterator[ImportedRow]:
    for line, cells in records:
        source = partial(csv_line, cells, delimiter)
        try:
            yield ImportedRow(line, _body(cells, columns).encode(), source)
        except ValueError as error:
            yield ImportedRow(line, b"", source, str(error))


def _body(cells: Sequence[str | None], columns: Sequence[Column]) -> str:
    """Return a row as a JSON object. Raises ValueError for cells that no object can have."""
    if len(cells) != len(columns):
        raise ValueError(f"{len(cells)} cells, but the first line has {len(columns)}")
    members = []
    for (name, convert, is_secret), cell in zip(columns, cells, strict=True):
        if cell is not None:
            try:
                members.append(f"{name}: {convert(cell)}")
            except ValueError as error:
                place = name[1:-1] if is_secret else f"{name[1:-1]} {quoted(cell)}"
                raise ValueError(f"{place}: {error}") from None
    return f"{{{', '.join(members)}}}"


def _converter(kind: TypeName) -> Convert:
    """Return the function that converts a cell to JSON. Validation reports what it does not fit."""
    if kind is TypeName.BOOL:
        return _bool
    if kind is TypeName.JSON:
        return _json
    return _number if kind in _NUMBERS else json_text


def _bool(cell: str) -> str:
    return cell.lower() if cell.lower() in {"true", "false"} else json_text(cell)


def _number(cell: str) -> str:
    return cell if _NUMBER.fullmatch(cell) else json_text(cell)


def _json(cell: str) -> str:
    json_value(cell)
    return cell  # as it is: validation finds duplicate keys
