"""The lines of a file with rows. Reason to change: how files are opened, and their limits."""

import io
import lzma
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, AnyStr

from crudgen.errors import DataError

from .forms import STREAM
from .utf8 import ESCAPE, check_is_text, check_utf8

MAX_RECORD = 100 * 2**20
"""Most bytes or characters of a row in a file of others, and of the first line of a dump.

Rows are in memory one by one. Those of a dump have no limit: what was dumped can be loaded.
"""


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


def opened_text(stream: IO[bytes], newline: str | None = None) -> io.TextIOWrapper:
    """Return the text of a file. `check_utf8` finds bytes in it that are not UTF-8."""
    return io.TextIOWrapper(stream, "utf-8-sig", ESCAPE, newline)


def opened_bytes(path: Path, stdin: IO[bytes]) -> AbstractContextManager[IO[bytes]]:
    """Open a file; `-` is standard input, which stays open."""
    return nullcontext(stdin) if path == STREAM else path.open("rb")


def bounded_lines(
    stream: IO[AnyStr], name: str, limit: int | None = MAX_RECORD
) -> Iterator[AnyStr]:
    """Yield the lines of a file.

    Raises DataError for a first line that is longer than MAX_RECORD, and for others that are longer
    than `limit`; None is no limit.
    """
    most, number = MAX_RECORD, 0
    while line := stream.readline(most + 1):
        number += 1
        if len(line) > most:
            raise too_long_error(f"{name}:{number}")
        if number == 1:
            check_is_text(line, name)
        if isinstance(line, str):
            check_utf8(line, name, number)
        yield line
        most = sys.maxsize - 1 if limit is None else limit


def too_long_error(place: str) -> DataError:
    """Return the error of a row that is longer than MAX_RECORD."""
    return DataError(
        f"{place}: a row is longer than {MAX_RECORD >> 20} MiB\n"
        "  check that the file is of this form, and that lines have ends"
    )


def json_lines(
    stream: IO[bytes], name: str, limit: int | None = MAX_RECORD
) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not empty, with their numbers. Raises DataError.

    `limit` is that of `bounded_lines`.
    """
    for number, line in enumerate(bounded_lines(stream, name, limit), 1):
        if text := (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip():
            yield number, text
