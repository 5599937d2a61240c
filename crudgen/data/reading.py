"""Reads the records of a dump from a file. Reason to change: a form.

A record has the name of its table and a row, with its place in the file for messages.
"""

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from pydantic import TypeAdapter, ValidationError

from crudgen.errors import ArgumentError, DataError

from .csv_text import csv_records
from .forms import STREAM, Form
from .head import Head, LoadedTable, read_head
from .json_text import json_objects, json_problem, json_value
from .lines import MAX_RECORD, as_data_errors, bounded_lines, json_lines, opened_bytes, opened_text
from .problems import Problems
from .unique_keys import duplicate_key
from .values import kind_of, record_adapter
from .writing import HEAD_FILE

_ENCRYPTED = 1
_NO_RECORD = 'expected a table and its row, such as {"hero": {"id": 1}}'


class Record(NamedTuple):
    """A row of a file."""

    file: str
    line: int
    table: str
    row: Mapping[str, Any]

    @property
    def place(self) -> str:
        """Where the row is."""
        return f"{self.file}:{self.line}"


class DumpReader(Protocol):
    """Reads a dump: its first line, then its records."""

    head: Head
    place: str
    """Where the first line is."""

    def records(self, tables: Sequence[LoadedTable]) -> Iterator[Record]:
        """Yield the records. Raises DataError with up to MAX_PROBLEMS problems."""


@contextmanager
def opened_dump(path: Path, form: Form, stdin: IO[bytes]) -> Iterator[DumpReader]:
    """Open a dump, and read its first line. Raises DataError if it cannot be read."""
    name = "standard input" if path == STREAM else str(path)
    if form is Form.CSV and path == STREAM:
        raise ArgumentError("an archive cannot be read from standard input: give its file")
    with as_data_errors(name):
        if form is Form.CSV:
            if path.is_file() and not zipfile.is_zipfile(path):
                raise DataError(
                    f"{name}: a dump in CSV is a zip archive, and this file is no complete one\n"
                    "  for a file with rows of one entity, give --as ENTITY"
                )
            with zipfile.ZipFile(path) as archive:
                yield _ArchiveReader(archive, name)
            return
        with opened_bytes(path, stdin) as stream:
            if form is Form.NDJSON:
                yield _TextReader(json_lines(stream, name, limit=None), name)
                return
            with opened_text(stream) as text:
                yield _TextReader(json_objects(text, name, limit=None), name)


class _TextReader:
    """Reads JSON objects: the first line, then one for each row."""

    def __init__(self, texts: Iterator[tuple[int, str | bytes]], name: str) -> None:
        self._texts, self._name = texts, name
        number, text = next(texts, (1, ""))
        self.place = f"{name}:{number}"
        self.head = read_head(text, self.place)

    def records(self, tables: Sequence[LoadedTable]) -> Iterator[Record]:
        adapter = record_adapter({one.dumped.name: one.columns for one in tables})
        validate, name = adapter.validator.validate_json, self._name
        problems = Problems()
        for number, text in self._texts:
            try:
                found = validate(text)
            except ValidationError as error:
                if (
                    error.errors(include_url=False, include_input=False)[0]["type"]
                    == "json_invalid"
                ):
                    problems.add(f"{name}:{number}", json_problem(text))
                else:
                    problems.add_invalid(f"{name}:{number}", error)
                continue
            if len(found) != 1:
                raise DataError(f"{name}:{number}: {_NO_RECORD}")
            ((table, row),) = found.items()
            if (twice := duplicate_key(text, 1 + len(row))) is not None:
                problems.add(f"{name}:{number}", f"{table}: the key {twice!r} is repeated")
            if not problems:
                yield Record(name, number, table, row)
        problems.check()


class _ArchiveReader:
    """Reads an archive with a CSV file for each table."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._archive, self._name = archive, name
        self.place = f"{name}/{HEAD_FILE}"
        if any(one.flag_bits & _ENCRYPTED for one in archive.infolist()):
            raise DataError(f"{name}: the archive is encrypted\n  decrypt it first")
        names = archive.namelist()
        if HEAD_FILE not in names:
            raise DataError(f"{name}: the archive has no {HEAD_FILE}: it is no dump of crudgen")
        with archive.open(HEAD_FILE) as member:
            self.head = read_head(member.read(MAX_RECORD), self.place)
        expected = {HEAD_FILE, *(f"{table}.csv" for table in self.head.tables)}
        for one in names:
            if one not in expected:
                raise DataError(f"{name}: {HEAD_FILE} names no table of the file {one}")
            if names.count(one) > 1:
                raise DataError(f"{name}: the archive has {one} more than once")

    def records(self, tables: Sequence[LoadedTable]) -> Iterator[Record]:
        problems = Problems()
        for one in tables:
            table = one.dumped.name
            file = f"{self._name}/{table}.csv"
            if f"{table}.csv" not in self._archive.namelist():
                raise DataError(f"{self._name}: the archive has no {table}.csv")
            with self._archive.open(f"{table}.csv") as member:
                lines = opened_text(member, newline="")
                records = csv_records(bounded_lines(lines, file, limit=None), file, limit=None)
                yield from _csv_rows(records, file, one, problems)
        problems.check()


def _csv_rows(
    records: Iterator[tuple[int, Sequence[str | None]]],
    file: str,
    loaded: LoadedTable,
    problems: Problems,
) -> Iterator[Record]:
    table = loaded.dumped.name
    names = [column.name for column in loaded.columns]
    _, header = next(records, (1, []))
    if list(header) != names:
        raise DataError(f"{file}:1: the header differs from the columns in {HEAD_FILE}")
    adapter: TypeAdapter[Any] = record_adapter({table: loaded.columns})
    converters = [cell_reader(kind_of(column).name) for column in loaded.columns]
    for number, cells in records:
        place = f"{file}:{number}"
        check_width(cells, names, place)
        try:
            row = {
                name: None if cell is None else read(cell)
                for name, cell, read in zip(names, cells, converters, strict=True)
            }
            found = adapter.validate_python({table: row})
        except ValidationError as error:
            problems.add_invalid(place, error)
            continue
        except ValueError as error:
            raise DataError(f"{place}: {table}: a cell of type json: {error}") from None
        if not problems:
            yield Record(file, number, table, found[table])


def check_width(cells: Sequence[object], names: Sequence[object], place: str) -> None:
    """Raise DataError if a record does not have as many cells as the header."""
    if len(cells) != len(names):
        raise DataError(f"{place}: {len(cells)} cells, but the header has {len(names)}")


def cell_reader(kind: str) -> Callable[[str], Any]:
    """Return the function that converts a cell to the JSON value of a kind, or else to itself.

    It raises ValueError for a cell of the kind `json` that is no JSON, or has a key twice.
    """
    if kind == "json":
        return _read_json
    return _read_value if kind in {"bool", "int", "float"} else str


def _read_json(cell: str) -> Any:
    value = json_value(cell)
    if (twice := duplicate_key(cell)) is not None:
        raise ValueError(f"the key {twice!r} is repeated")
    return value


def _read_value(cell: str) -> Any:
    try:
        return json_value(cell)
    except ValueError:
        return cell  # validation reports it
