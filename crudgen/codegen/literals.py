"""Literals of text and bytes, and docstrings. Reason to change: how text is written in source."""

import ast
import inspect
import re

from .characters import escaped, escaped_line

_concat = "".join

_UNESCAPED = re.compile(r"[A-Za-z0-9_ ./:-]*")
"""Texts whose literal is the text in quotes: most of them."""
_UNESCAPED_LINE = re.compile(r"[A-Za-z0-9_ .,:;()'/-]+")
"""The same for docstrings of one line."""


def text_literal(value: str) -> str:
    """Return the source of a string."""
    if _UNESCAPED.fullmatch(value):
        return _concat(('"', value, '"'))
    quote = "'" if value.count('"') > value.count("'") else '"'
    body = "".join(escaped(character, quote) for character in value)
    source = f"{quote}{body}{quote}"
    if ast.literal_eval(source) != value:
        raise ValueError(f"{value!a} cannot be written as a literal")
    return source


def bytes_literal(value: bytes) -> str:
    """Return the source of a bytes object."""
    quote = "'" if value.count(b'"') > value.count(b"'") else '"'
    body = "".join(escaped(chr(byte), quote) if byte < 0x80 else f"\\x{byte:02x}" for byte in value)
    source = f"b{quote}{body}{quote}"
    if ast.literal_eval(source) != value:
        raise ValueError("these bytes cannot be written as a literal")
    return source


def docstring_literal(text: str, indent: int) -> str:
    """Return the source of a docstring. Line breaks are kept; other white space is collapsed."""
    lines = [" ".join(line.split()) for line in text.strip().splitlines()]
    if len(lines) == 1 and _UNESCAPED_LINE.fullmatch(lines[0]):
        return f'"""{lines[0]}"""'
    margin = " " * indent
    body = "\n".join(margin + line if line else "" for line in map(escaped_line, lines)).strip()
    closing = f"\n{margin}" if len(lines) > 1 else ""
    source = f'"""{body}{closing}"""'
    if inspect.cleandoc(ast.literal_eval(source)) != "\n".join(lines):
        raise ValueError(f"{text!a} cannot be written as a docstring")
    return source
