"""Which encoding a text file has, where it is not UTF-8."""

import codecs

_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""The byte order marks; the longer ones come first, for they begin like the others."""


def wide_encoding(data: bytes) -> str | None:
    """Return UTF-16 or UTF-32 if a file has it: the editors and shells of Windows write it."""
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            return name
    # Without a mark, one of the first two bytes is the zero of a letter of ASCII.
    return "UTF-16" if data[:2].count(0) == 1 and len(data) > 1 else None
