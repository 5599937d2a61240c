"""Writes a dump to a file: lines of JSON, an array, or an archive of CSV. Reason to change: a form.

The same rows give the same bytes.
"""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from pydantic_core import to_json

from crudgen.errors import ArgumentError, DataError

from .csv_text import csv_line
from .forms import Form, is_ending_of
from .head import Head

Batch: TypeAlias = list[dict[str, Any]]
"""Rows, by column."""
HEAD_FILE = "dump.json"
"""The file with the first line, in an archive."""
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o600 << 16


class DumpWriter(Protocol):
    """Writes the tables of a dump, one after another."""

    def table(self, name: str, columns: Mapping[str, str], batches: Iterable[Batch]) -> None:
        """Write the rows of the next table, whose columns have these types."""


class _Lines:
    """Lines of JSON objects; with other separators, an array of them."""

    def __init__(self, stream: IO[bytes], separator: bytes) -> None:
        self._stream, self._separator = stream, separator

    def table(self, name: str, columns: Mapping[str, str], batches: Iterable[Batch]) -> None:
        """Write a line for each row: `{"hero": {"id": 1}}`."""
        del columns
        begin = b"%s{%s:" % (self._separator, to_json(name))
        for batch in batches:
            self._stream.write(b"".join([b"%s%s}" % (begin, to_json(row)) for row in batch]))


class _Archive:
    """An archive with a CSV file for each table."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive

    def table(self, name: str, columns: Mapping[str, str], batches: Iterable[Batch]) -> None:
        """Write a file for a table."""
        with self._archive.open(_member(f"{name}.csv"), "w", force_zip64=True) as file:
            file.write(csv_line(columns).encode())
            cells = [_json_cell if kind == "json" else _cell for kind in columns.values()]
            for batch in batches:
                lines = [
                    csv_line(cell(value) for cell, value in zip(cells, row.values(), strict=True))
                    for row in batch
                ]
                file.write("".join(lines).encode())


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return to_json(value).decode().strip('"')


def _json_cell(value: Any) -> str | None:
    return None if value is None else to_json(value).decode()


def _member(name: str) -> ZipInfo:
    info = ZipInfo(name, _EARLIEST)
    info.compress_type, info.external_attr = ZIP_DEFLATED, _READABLE
    return info


@contextmanager
def dump_writer(stream: IO[bytes], form: Form, head: Head) -> Iterator[DumpWriter]:
    """Write the first line of a dump to a stream, yield the writer of its tables, and end it."""
    match form:
        case Form.NDJSON:
            stream.write(head.text())
            yield _Lines(stream, b"\n")
            stream.write(b"\n")
        case Form.JSON:
            stream.write(b"[\n" + head.text())
            yield _Lines(stream, b",\n")
            stream.write(b"\n]\n")
        case Form.CSV:
            with ZipFile(stream, "w") as archive:
                archive.writestr(_member(HEAD_FILE), head.text() + b"\n")
                yield _Archive(archive)


def check_replaceable(path: Path, form: Form) -> None:
    """Raise ArgumentError if a file exists that is not of this form, such as a database."""
    if path.is_dir():
        raise ArgumentError(f"{path} is a folder\n  give the name of a file in it")
    if path.exists() and not is_ending_of(path, form):
        raise ArgumentError(
            f"{path} exists, and its name is not that of a file of {form}\n  give another name"
        )


@contextmanager
def replaced_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a new file that replaces another one when it is complete. Only its owner can read it.

    Raises DataError if it cannot be written.
    """
    part: Path | None = None
    try:
        number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        part = Path(name)
        with os.fdopen(number, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(number)
        part.replace(path)
        part = None
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        if part is not None:
            with suppress(OSError):
                part.unlink()


Report: TypeAlias = Callable[[int], None]
"""Reports a number of rows that were read or written."""
