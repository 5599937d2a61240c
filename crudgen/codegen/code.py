"""The only door from text to Python source: what is not Code or a checked Name is never printed.

The layout is a fixed point of `ruff format`: what fits stays on one line, what does not has one
item on a line and a trailing comma.
"""

import ast
import inspect
import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Self
from uuid import UUID

from crudgen.language.names import Name
from crudgen.language.schema import Value

WIDTH = 100
INDENT = 4
_LETTERS = (
    (0x00C0, 0x0590, "Latin, Greek, Cyrillic, Armenian"),
    (0x3041, 0x3097, "Hiragana"),
    (0x30A1, 0x30FB, "Katakana"),
    (0x4E00, 0x9FFF, "Han"),
    (0xAC00, 0xD7A4, "Hangul"),
)
"""Letters whose width on a line is certain; any other character beyond ASCII is escaped."""


class Code(str):
    """Python source. Only this module makes it, from checked parts."""

    __slots__ = ()

    def __add__(self, other: str) -> Self:
        """Join source to source."""
        if not isinstance(other, Code):
            raise TypeError("only Code can be joined to Code")
        return type(self)(str(self) + str(other))


def raw(source: str) -> Code:
    """Declare text that stands in crudgen's own source to be code."""
    return Code(source)


def name(text: Name, prefix: str = "", suffix: str = "") -> Code:
    """Print a checked name, with constant text around it."""
    if not isinstance(text, Name):
        raise TypeError(f"{text!r} is not a checked name")
    return Code(f"{prefix}{text}{suffix}")


def words(text: Name) -> Code:
    """Print a checked name for readers: `blog_post` as `blog post`."""
    return Code(" ".join(name(text).split("_")))


def literal(value: Value) -> Code:
    """Print a value so that evaluating the source gives an equal value.

    Raises TypeError for a type that has no literal, ValueError for a number that is not finite.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a literal must be finite")
    match value:
        case None | bool() | int() | float():
            source = repr(value)
        case str():
            source = _text(value)
        case bytes():
            source = _bytes(value)
        case Decimal() | UUID():
            source = f"{type(value).__name__}({_text(str(value))})"
        case datetime() | date() | time():
            source = f"{type(value).__name__}.fromisoformat({_text(value.isoformat())})"
        case _:
            raise TypeError(f"there is no literal for {type(value).__name__}")
    return Code(source)


def structure(value: Value) -> "Bracket | Code":
    """Print a value that may hold lists and maps, so that it can be laid out."""
    match value:
        case list():
            return Bracket("[", tuple(structure(item) for item in value), "]")
        case dict():
            items = (_pair(literal(key), structure(item)) for key, item in value.items())
            return Bracket("{", tuple(items), "}")
    return literal(value)


def _pair(key: Code, value: "Bracket | Code") -> "Bracket | Code":
    if isinstance(value, Bracket):
        return Bracket(f"{key}: {value.head}", value.items, value.tail)
    return Code(f"{key}: {value}")


def _text(value: str) -> Code:
    quote = "'" if value.count('"') > value.count("'") else '"'
    body = "".join(_character(character, quote) for character in value)
    source = f"{quote}{body}{quote}"
    if ast.literal_eval(source) != value:
        raise ValueError(f"no literal for {value!a}")
    return Code(source)


def _character(character: str, quote: str) -> str:
    if character in {quote, "\\"}:
        return "\\" + character
    if character in "\"'" or " " <= character <= "~" or _is_letter(character):
        return character
    return ascii(character)[1:-1]


def _is_letter(character: str) -> bool:
    known = any(start <= ord(character) < end for start, end, _ in _LETTERS)
    return known and unicodedata.category(character) in {"Lu", "Ll", "Lo"}


def _bytes(value: bytes) -> Code:
    quote = "'" if value.count(b'"') > value.count(b"'") else '"'
    body = "".join(
        _character(chr(byte), quote) if byte < 0x80 else f"\\x{byte:02x}" for byte in value
    )
    source = f"b{quote}{body}{quote}"
    if ast.literal_eval(source) != value:
        raise ValueError("no literal for these bytes")
    return Code(source)


def docstring(text: str, indent: int) -> Code:
    """Print text as a docstring: line breaks are kept, other white space becomes one space."""
    lines = [" ".join(line.split()) for line in text.strip().splitlines()]
    margin = " " * indent
    body = "\n".join(margin + line if line else "" for line in map(_in_docstring, lines)).strip()
    closing = f"\n{margin}" if len(lines) > 1 else ""
    source = f'"""{body}{closing}"""'
    if inspect.cleandoc(ast.literal_eval(source)) != "\n".join(lines):
        raise ValueError(f"no docstring for {text!a}")
    return Code(source)


def _in_docstring(line: str) -> str:
    escaped = []
    for index, character in enumerate(line):
        if character == "\\":
            escaped.append("\\\\")
        elif character == '"' and (index in {0, len(line) - 1} or line[index - 1] == '"'):
            escaped.append('\\"')
        else:
            escaped.append(character if character.isprintable() else ascii(character)[1:-1])
    return "".join(escaped)


def width(source: str) -> int:
    """Count the columns that a line takes."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in source)


@dataclass(frozen=True, slots=True)
class Bracket:
    """Items between brackets, with source before and after: a call, a signature, a subscript."""

    head: str
    items: Sequence["Bracket | Code"]
    tail: str

    def flat(self) -> str:
        """Print on one line."""
        items = ", ".join(_flat(item) for item in self.items)
        return f"{self.head}{items}{self.tail}"

    def lay_out(self, indent: int, after: str = "") -> str:
        """Print on one line if that fits, else one item on a line, below `indent` columns."""
        flat = self.flat()
        if indent + width(flat + after) <= WIDTH or not self.items:
            return flat
        margin = " " * (indent + INDENT)
        items = [
            item.lay_out(indent + INDENT, ",") if isinstance(item, Bracket) else item
            for item in self.items
        ]
        lines = "".join(f"{margin}{item},\n" for item in items)
        return f"{self.head}\n{lines}{' ' * indent}{self.tail}"


def _flat(item: Bracket | Code) -> str:
    return item.flat() if isinstance(item, Bracket) else item


def call(function: Code, items: Iterable[Bracket | Code]) -> Bracket:
    """Print a call."""
    return Bracket(f"{function}(", tuple(items), ")")


def keyword(key: str, value: Bracket | Code) -> Bracket | Code:
    """Print a keyword argument; the key is constant text or a checked name."""
    if isinstance(value, Bracket):
        return Bracket(f"{key}={value.head}", value.items, value.tail)
    return Code(f"{key}={value}")


def pair(key: str, value: Bracket | Code) -> Bracket | Code:
    """Print an entry of a map whose key is constant text."""
    return _pair(_text(key), value)


def method(receiver: Bracket, called: str, items: Iterable[Bracket | Code]) -> Bracket:
    """Print a method call; the method's name is constant text."""
    return Bracket(f"{receiver.flat()}.{called}(", tuple(items), ")")


def comparison(left: Bracket, sign: str, right: Code) -> Code:
    """Print a comparison; the sign is constant text."""
    return Code(f"{left.flat()} {sign} {right}")


def annotated(target: Code, kind: Code) -> Code:
    """Print a parameter with its type."""
    return Code(f"{target}: {kind}")


def optional(kind: Bracket | Code) -> Bracket | Code:
    """Print a type that also allows None."""
    if isinstance(kind, Bracket):
        return Bracket(kind.head, kind.items, kind.tail + " | None")
    return Code(f"{kind} | None")


def declaration(target: Name, kind: Bracket | Code, value: Bracket | Code | None) -> Code:
    """Print `name: type` or `name: type = value` as a line of a class body."""
    head = f"{target}: {_flat(kind)}"
    if value is None:
        return Code(head)
    if isinstance(value, Bracket):
        laid_out = Bracket(f"{head} = {value.head}", value.items, value.tail)
        return Code(laid_out.lay_out(INDENT))
    return Code(f"{head} = {value}")


def statement(head: Code, value: Bracket | Code, indent: int = 0, tail: str = "") -> Code:
    """Print `head` and a value as one statement, laid out below `indent` columns."""
    if isinstance(value, Bracket):
        whole = Bracket(f"{head}{value.head}", value.items, f"{value.tail}{tail}")
        return Code(whole.lay_out(indent))
    return Code(f"{head}{value}{tail}")
