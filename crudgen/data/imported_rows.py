"""The rows of a file that others wrote. Reason to change: what is known of a row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .forms import Form


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """A row of a file."""

    line: int
    body: bytes
    """The row as a JSON object."""
    source: Callable[[], str]
    """Returns the row as in the file, or with the same meaning."""
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
