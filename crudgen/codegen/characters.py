"""Escapes and display width of characters in source. Reason to change: which ones are escaped."""

import unicodedata

_LETTERS = (
    (0x00C0, 0x0590, "Latin, Greek, Cyrillic, Armenian"),
    (0x3041, 0x3097, "Hiragana"),
    (0x30A1, 0x30FB, "Katakana"),
    (0x4E00, 0x9FFF, "Han"),
    (0xAC00, 0xD7A4, "Hangul"),
)
"""Ranges of letters of known display width. Other characters beyond ASCII are escaped."""


def escaped(character: str, quote: str) -> str:
    """Return a character, escaped for a string literal with this quote if necessary."""
    if character in {quote, "\\"}:
        return "\\" + character
    if character in "\"'" or " " <= character <= "~" or _is_letter(character):
        return character
    return ascii(character)[1:-1]


def _is_letter(character: str) -> bool:
    known = any(start <= ord(character) < end for start, end, _ in _LETTERS)
    return known and unicodedata.category(character) in {"Lu", "Ll", "Lo"}


def escaped_line(line: str) -> str:
    """Return a line, escaped for a docstring where necessary."""
    parts = []
    for index, character in enumerate(line):
        if character == "\\":
            parts.append("\\\\")
        elif character == '"' and (index in {0, len(line) - 1} or line[index - 1] == '"'):
            parts.append('\\"')
        else:
            parts.append(character if character.isprintable() else ascii(character)[1:-1])
    return "".join(parts)


def width(source: str) -> int:
    """Return the display width of a line, in columns of a terminal."""
    if source.isascii():
        return len(source)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in source)
