"""Finds what is not UTF-8 in files with rows. Reason to change: encodings, and their messages."""

import re
from typing import AnyStr

from crudgen.errors import DataError

ESCAPE = "surrogateescape"
"""How bytes that are not UTF-8 are decoded: the problem can be reported with its place."""
_ESCAPED = re.compile("[\udc80-\udcff]")
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
_REMEDY = "convert the file; from Windows-1252: iconv -f WINDOWS-1252 -t UTF-8"


def place_in(text: str, position: int, before: int = 0) -> str:
    """Return where a position in a text is on its line, for a message.

    `before` is the number of characters on the first line before the text. The text itself is not
    shown: it may be secret.
    """
    start = text.rfind("\n", 0, position) + 1
    return f"at character {position - start + (0 if start else before) + 1} of the line"


def utf8_problem(text: str, before: int = 0) -> tuple[int, str] | None:
    """Return the place in a text of the first byte that is not UTF-8, and what it is.

    `before` is the number of characters on the first line before the text.
    """
    found = None if text.isascii() else _ESCAPED.search(text)
    if found is None:
        return None
    byte = ord(found[0]) - 0xDC00
    what = f"the byte 0x{byte:x} {place_in(text, found.start(), before)} is not UTF-8"
    return found.start(), f"{what}\n  {_REMEDY}"


def check_utf8(text: str, name: str, line: int, before: int = 0) -> None:
    """Raise DataError for bytes in a text that are not UTF-8.

    `line` is the number of its first line, and `before` that of characters on it before the text.
    """
    if (found := utf8_problem(text, before)) is not None:
        position, problem = found
        raise DataError(f"{name}:{line + text.count(chr(10), 0, position)}: {problem}")


def check_is_text(text: AnyStr, name: str) -> None:
    """Raise DataError if a file that begins like this is in UTF-16, or is no text."""
    found = text.encode("utf-8", ESCAPE) if isinstance(text, str) else text
    if found.startswith(_BYTE_ORDER_MARKS) or b"\0" in found:
        raise DataError(
            f"{name}: the file is in UTF-16, or is no text\n"
            "  convert it to UTF-8, for example: iconv -f UTF-16 -t UTF-8; from a spreadsheet,"
            " export it as CSV"
        )
