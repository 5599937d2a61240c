"""The lines of a file with rows. Reason to change: how files are opened, and their limits."""

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import IO, AnyStr

from crudgen.errors import DataError

from .forms import STREAM

MAX_RECORD = 100 * 2**20
"""Most bytes or characters of a row in a file: rows are in memory one by one."""


@contextmanager
def as_data_errors(name: str) -> Iterator[None]:
    """Convert errors of reading a file to DataError."""
    try:
        yield
    except (
        *(OSError, EOFError, NotImplementedError),
        *(lzma.LZMAError, zlib.error, zipfile.BadZipFile),
    ) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{name} cannot be read: {reason}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: the file is not UTF-8: {error.reason}") from None


def opened_bytes(path: Path, stdin: IO[bytes]) -> AbstractContextManager[IO[bytes]]:
    """Open a file; `-` is standard input, which stays open."""
    return nullcontext(stdin) if path == STREAM else path.open("rb")


def bounded_lines(stream: IO[AnyStr], name: str) -> Iterator[AnyStr]:
    """Yield the lines of a file. Raises DataError for one that is longer than MAX_RECORD."""
    lines = iter(partial(stream.readline, MAX_RECORD + 1), stream.read(0))
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_RECORD:
            raise too_long(f"{name}:{number}")
        yield line


def too_long(place: str) -> DataError:
    """Return the error of a row that is longer than MAX_RECORD."""
    return DataError(
        f"{place}: a row is longer than {MAX_RECORD >> 20} MiB\n"
        "  check that the file is of this form, and that lines have ends"
    )


def json_lines(stream: IO[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not empty, with their numbers. Raises DataError."""
    for number, line in enumerate(bounded_lines(stream, name), 1):
        if text := (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip():
            yield number, text
