"""Validation of the file `.env`: pydantic-settings ignores lines that it cannot parse."""

import os
from collections.abc import Iterable, Iterator
from io import StringIO
from json import detect_encoding
from pathlib import Path
from typing import TypeAlias

from dotenv.parser import parse_stream

from .errors import StartupError

MAX_BYTES = 1_048_576
EnvFile: TypeAlias = str | os.PathLike[str]


def check_env_files(files: EnvFile | Iterable[EnvFile] | None) -> frozenset[str]:
    """Return the names that files set. Raise StartupError for other lines than `DOCS=false`.

    A file may be missing. The error shows no content of a file, because it may be secret.
    """
    names: set[str] = set()
    if isinstance(files, str | os.PathLike):
        files = [files]
    for file in (Path(one).expanduser() for one in files or ()):
        if os.path.lexists(file) and not file.is_fifo():  # a pipe can be read only once
            names.update(_names_in(file, _read_text(file)))
    return frozenset(names)


def _names_in(file: Path, text: str) -> Iterator[str]:
    """Yield the names that a text gives a value. Raises StartupError."""
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            written = binding.original.string
            blank = written[: len(written) - len(written.lstrip())]
            raise StartupError(
                f"{file}:{binding.original.line + blank.count(chr(10))}: this is not a setting\n"
                "  write NAME=value; a quoted value needs a closing quote"
            )
        if binding.key is not None and binding.value:
            yield binding.key.upper()


def _read_text(file: Path) -> str:
    if file.is_dir():
        raise StartupError(f"{file} is a directory, not a file\n  replace it by a file")
    if not file.is_file():
        raise _unreadable_file_error(file, "it is neither a regular file nor a link to one")
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable_file_error(file, error.strerror) from None
    if len(data) > MAX_BYTES:
        raise _unreadable_file_error(file, "it is larger than 1 MiB")
    encoding = detect_encoding(data)[:6].upper()
    if encoding in {"UTF-16", "UTF-32"}:
        remedy = "save the file as UTF-8; PowerShell: Set-Content -Encoding utf8"
        raise StartupError(f"{file} is {encoding}, and UTF-8 is expected\n  {remedy}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise StartupError(f"{file}:{line}: this is not UTF-8\n  save the file as UTF-8") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise StartupError(f"{file}:{line}: NUL is not allowed\n  remove it, or retype the line")
    return text


def _unreadable_file_error(file: Path, reason: str | None) -> StartupError:
    return StartupError(f"{file} cannot be read: {reason}\n  fix it, or remove it")
