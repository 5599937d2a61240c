"""Reads rows of one entity from files that others wrote. Reason to change: a form of file.

A row becomes a JSON object, as in the body of a request.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from .forms import COMMA, STREAM, Form
from .imported_csv import Columns, csv_rows
from .imported_rows import ImportedFile, ImportedRow
from .json_text import json_objects
from .lines import as_data_errors, bounded_lines, json_lines, opened_bytes, opened_text


@contextmanager
def opened_rows(
    path: Path, form: Form, stdin: IO[bytes], columns: Columns, delimiter: str = COMMA
) -> Iterator[ImportedFile]:
    """Open a file with rows. `columns` and `delimiter`, which separates cells, are those of CSV.

    Raises DataError if the file cannot be read, or is not of this form.
    """
    name = "standard input" if path == STREAM else str(path)
    with as_data_errors(name), opened_bytes(path, stdin) as stream:
        match form:
            case Form.NDJSON:
                lines = json_lines(stream, name)
                rows = (ImportedRow(line, text, partial(_decoded, text)) for line, text in lines)
                yield ImportedFile(name, form, rows)
            case Form.JSON:
                with opened_text(stream) as text:
                    objects = json_objects(text, name)
                    yield ImportedFile(name, form, (_object(*one) for one in objects))
            case Form.CSV:
                with opened_text(stream, newline="") as text:
                    yield csv_rows(name, bounded_lines(text, name), columns, delimiter)


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")


def _object(line: int, text: str) -> ImportedRow:
    return ImportedRow(line, text.encode("utf-8", "surrogatepass"), lambda: text)
