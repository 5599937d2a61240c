"""Detection of UTF-16 and UTF-32, for error messages about text files."""

import codecs

_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""Byte order marks. Those of UTF-32 come first: one begins like that of UTF-16."""


def wide_encoding(data: bytes) -> str | None:
    """Return "UTF-16" or "UTF-32" if a file has that encoding, as some Windows programs write."""
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            return name
    # Without a mark: one of the first two bytes is zero if the first character is ASCII.
    return "UTF-16" if data[:2].count(0) == 1 and len(data) > 1 else None
