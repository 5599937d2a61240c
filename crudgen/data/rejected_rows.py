"""Writes the skipped rows of a file, to be corrected and loaded. Reason to change: their form."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from .forms import Form
from .imported_rows import ImportedFile, ImportedRow
from .writing import replaced_file

WriteRejected: TypeAlias = Callable[[ImportedRow], None]


@contextmanager
def rejected_rows(path: Path | None, file: ImportedFile) -> Iterator[WriteRejected]:
    """Yield a function that writes a row as it is in a file, to another file of the same form.

    It writes nothing without a path. Raises DataError if the file cannot be written.
    """
    if path is None:
        yield lambda _row: None
        return
    is_array, count = file.form is Form.JSON, 0
    with replaced_file(path) as stream:

        def write(row: ImportedRow) -> None:
            nonlocal count
            begin = (",\n" if count else "") if is_array else ""
            end = "\n" if file.form is Form.NDJSON else ""
            stream.write(f"{begin}{row.source()}{end}".encode())
            count += 1

        stream.write(b"[\n" if is_array else file.header.encode())
        yield write
        stream.write(b"\n]\n" if is_array else b"")
