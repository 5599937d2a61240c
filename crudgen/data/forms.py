"""The forms of files with rows: names, endings, delimiters. Reason to change: another form."""

from enum import StrEnum
from pathlib import Path

from crudgen.errors import ArgumentError

STREAM = Path("-")
"""Standard input or output."""
COMMA = ","
DELIMITERS = (COMMA, ";", "\t", "|")
"""What can separate the cells of CSV."""


class Form(StrEnum):
    """A form of a file with rows."""

    NDJSON = "ndjson"
    """A JSON object in each line."""
    JSON = "json"
    """A JSON array of objects."""
    CSV = "csv"
    """A header and rows; a dump is a zip archive with a file for each table."""


_ENDINGS = {
    ".ndjson": Form.NDJSON,
    ".jsonl": Form.NDJSON,
    ".json": Form.JSON,
    ".csv": Form.CSV,
    ".zip": Form.CSV,
}


def form_of(path: Path, chosen: Form | None) -> Form:
    """Return the chosen form, or that of the ending. Raises ArgumentError for an unknown ending."""
    if chosen is not None:
        return chosen
    if path == STREAM:
        return Form.NDJSON
    if (found := _ENDINGS.get(path.suffix.lower())) is None:
        raise ArgumentError(
            f"{path}: the name does not end in {', '.join(_ENDINGS)}\n"
            f"  give the form of the file: --format {'|'.join(Form)}"
        )
    return found


def is_ending_of(path: Path, form: Form) -> bool:
    """Return whether files of this form have such a name."""
    return _ENDINGS.get(path.suffix.lower()) is form
