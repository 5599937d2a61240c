"""Reads rows of one entity from files that others wrote. Reason to change: a form of file.

A row becomes a JSON object, as in the body of a request.
"""

import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, TypeAlias

from crudgen.errors import DataError
from crudgen.language.schema import Entity, TypeName

from .csv_text import csv_line, csv_records
from .forms import COMMA, DELIMITERS, STREAM, Form
from .json_text import json_objects, json_value
from .lines import as_data_errors, bounded_lines, json_lines, opened_bytes

Convert: TypeAlias = Callable[[str], str]
"""Converts a cell to JSON."""
_NUMBERS = {TypeName.INT, TypeName.FLOAT}
_NUMBER = re.compile(r"[ \t]*-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[ \t]*")


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """A row of a file."""

    line: int
    body: bytes
    """The row as a JSON object."""
    source: str
    """The row as in the file, or the same."""
    problem: str = ""
    """Why it is not a row."""


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """A file with rows of one entity."""

    name: str
    form: Form
    rows: Iterator[ImportedRow]
    header: str = ""
    """The first line of CSV."""


@contextmanager
def opened_rows(
    path: Path, form: Form, stdin: IO[bytes], entity: Entity, delimiter: str = COMMA
) -> Iterator[ImportedFile]:
    """Open a file with rows. `delimiter` separates the cells of CSV.

    Raises DataError if the file cannot be read, or is not of this form.
    """
    name = "standard input" if path == STREAM else str(path)
    with as_data_errors(name), opened_bytes(path, stdin) as stream:
        match form:
            case Form.NDJSON:
                lines = json_lines(stream, name)
                rows = (ImportedRow(line, text, _decoded(text)) for line, text in lines)
                yield ImportedFile(name, form, rows)
            case Form.JSON:
                with io.TextIOWrapper(stream, "utf-8-sig") as text:
                    objects = json_objects(text, name)
                    rows = (ImportedRow(line, one.encode(), one) for line, one in objects)
                    yield ImportedFile(name, form, rows)
            case Form.CSV:
                with io.TextIOWrapper(stream, "utf-8-sig", newline="") as text:
                    yield _csv_file(name, bounded_lines(text, name), entity, delimiter)


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")


def _csv_file(name: str, lines: Iterator[str], entity: Entity, delimiter: str) -> ImportedFile:
    """Return the rows of a CSV file. Raises DataError for an unknown or repeated column."""
    first = [*_until_text(lines)]
    if (other := _other_delimiter(first, delimiter)) is not None:
        raise DataError(
            f"{name}:{len(first)}: the columns are separated by {_shown(other)}, not by"
            f" {_shown(delimiter)}\n  say so: --delimiter {_shown(other)}"
        )
    records = csv_records(chain(first, lines), name, delimiter)
    line, header = next(records, (1, ()))
    known = {str(field.json_name): field.type for field in entity.fields}
    names = [cell or "" for cell in header]
    if not names:
        raise DataError(f"{name}: the file is empty\n  the first line names the columns")
    unknown = [f"'{one}'" for one in names if one not in known]
    if unknown:
        raise DataError(
            f"{name}:{line}: {entity.name} has no field {', '.join(unknown)}\n"
            f"  the first line names the columns, of: {', '.join(known)}"
        )
    if len({*names}) < len(names):
        twice = next(one for one in names if names.count(one) > 1)
        raise DataError(f"{name}:{line}: the column {twice} is repeated")
    columns = [(one, _converter(known[one])) for one in names]
    return ImportedFile(
        name, Form.CSV, _csv_rows(records, columns, delimiter), csv_line(header, delimiter)
    )


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


def _csv_rows(
    records: Iterator[tuple[int, Sequence[str | None]]],
    columns: Sequence[tuple[str, Convert]],
    delimiter: str,
) -> Iterator[ImportedRow]:
    for line, cells in records:
        source = csv_line(cells, delimiter)
        try:
            yield ImportedRow(line, _body(cells, columns).encode(), source)
        except ValueError as error:
            yield ImportedRow(line, b"", source, str(error))


def _body(cells: Sequence[str | None], columns: Sequence[tuple[str, Convert]]) -> str:
    """Return a row as a JSON object. Raises ValueError for cells that no object can have."""
    if len(cells) != len(columns):
        raise ValueError(f"{len(cells)} cells, but the first line has {len(columns)}")
    members = []
    for (name, convert), cell in zip(columns, cells, strict=True):
        if cell is not None:
            try:
                members.append(f"{json.dumps(name)}: {convert(cell)}")
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
    return f"{{{', '.join(members)}}}"


def _converter(kind: TypeName) -> Convert:
    """Return the function that converts a cell to JSON. Validation reports what it does not fit."""
    if kind is TypeName.BOOL:
        return _bool
    if kind is TypeName.JSON:
        return _json
    return _number if kind in _NUMBERS else json.dumps


def _bool(cell: str) -> str:
    return cell.lower() if cell.lower() in {"true", "false"} else json.dumps(cell)


def _number(cell: str) -> str:
    return cell if _NUMBER.fullmatch(cell) else json.dumps(cell)


def _json(cell: str) -> str:
    json_value(cell)
    return cell  # as it is: validation finds duplicate keys
