"""The only door from text to Python source: what is not Code or a checked Name is never printed.

The layout is a fixed point of `ruff format`: what fits stays on one line, what does not has one
item on a line and a trailing comma.
"""

import ast
import inspect
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from decimal import Decimal
from typing import Self, TypeAlias
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

_IDENTIFIER = re.compile(r"\.{0,2}[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


class Code(str):
    """Python source. Only this module makes it, from checked parts."""

    __slots__ = ()

    def __add__(self, other: str) -> Self:
        """Join source to source."""
        if not isinstance(other, Code):
            raise TypeError("only Code can be joined to Code")
        return type(self)(str(self) + str(other))


def raw(source: str) -> Code:
    """Declare a constant of crudgen's own source to be code; a test sees that it is one."""
    return Code(source)


def name(text: Name, prefix: str = "", suffix: str = "") -> Code:
    """Print a checked name; with what stands around it, it is an identifier too."""
    if not isinstance(text, Name):
        raise TypeError(f"{text!r} is not a checked name")
    return identifier(f"{prefix}{text}{suffix}")


def identifier(text: str) -> Code:
    """Print a name, which may be dotted. Raises ValueError for anything else."""
    if not _IDENTIFIER.fullmatch(text):
        raise ValueError(f"{text!a} is not an identifier")
    return Code(text)


def join(separator: Code, parts: Iterable[Code]) -> Code:
    """Join source to source."""
    first, *others = parts
    for part in others:
        first = first + separator + part
    return first


def words(text: Name) -> Code:
    """Print a checked name for readers: `blog_post` as `blog post`."""
    return Code(name(text).replace("_", " "))


def literal(value: Value) -> Code:
    """Print a value so that evaluating the source gives an equal value.

    Raises TypeError for a type that has no literal, ValueError for a number that is not finite.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a literal must be finite")
    match value:
        case float():
            source = repr(value).replace("e+", "e")
        case None | bool() | int():
            source = repr(value)
        case str():
            source = _text(value)
        case bytes():
            source = _bytes(value)
        case Decimal() | UUID():
            source = f"{type(value).__name__}({_text(str(value))})"
        case date() | time():
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
    return _after(f"{key}: ", value)


def _after(prefix: str, value: "Bracket | Code") -> "Bracket | Code":
    if isinstance(value, Bracket):
        return replace(value, head=f"{prefix}{value.head}")
    return Code(f"{prefix}{value}")


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
    if source.isascii():
        return len(source)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in source)


Part: TypeAlias = "Bracket | Comparison | Code"


@dataclass(frozen=True, slots=True)
class Bracket:
    """Items between brackets, with source before and after: a call, a signature, a subscript."""

    head: str
    items: Sequence[Part]
    tail: str
    is_tuple: bool = False
    """Whether a single item needs a comma behind it."""

    def flat(self) -> str:
        """Print on one line."""
        items = ", ".join(_flat(item) for item in self.items)
        comma = "," if self.is_tuple and len(self.items) == 1 else ""
        return f"{self.head}{items}{comma}{self.tail}"

    def lay_out(self, indent: int, after: str = "") -> str:
        """Print on one line if that fits, else one item on a line, below `indent` columns."""
        flat = self.flat()
        if indent + width(flat + after) <= WIDTH or not self.items:
            return flat
        margin = " " * (indent + INDENT)
        items = [_lay_out(item, indent + INDENT, ",") for item in self.items]
        lines = "".join(f"{margin}{item},\n" for item in items)
        return f"{self.head}\n{lines}{' ' * indent}{self.tail}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides with a sign between them, as an item between brackets."""

    left: Bracket
    sign: str
    right: Code

    def flat(self) -> str:
        """Print on one line."""
        return f"{self.left.flat()} {self.sign} {self.right}"

    def lay_out(self, indent: int, after: str = "") -> str:
        """Print on one line if that fits, else each side on its own."""
        flat = self.flat()
        if indent + width(flat + after) <= WIDTH:
            return flat
        return f"{self.left.lay_out(indent)}\n{' ' * indent}{self.sign} {self.right}"


def _flat(item: Part) -> str:
    return item if isinstance(item, Code) else item.flat()


def _lay_out(item: Part, indent: int, after: str) -> str:
    return item if isinstance(item, Code) else item.lay_out(indent, after)


def call(function: Code, items: Iterable[Part]) -> Bracket:
    """Print a call."""
    return Bracket(f"{function}(", tuple(items), ")")


def keyword(key: str, value: Bracket | Code) -> Bracket | Code:
    """Print a keyword argument."""
    return _after(f"{identifier(key)}=", value)


def pair(key: str, value: Bracket | Code) -> Bracket | Code:
    """Print an entry of a map whose key is constant text."""
    return _pair(_text(key), value)


def method(receiver: Bracket, called: str, items: Iterable[Part]) -> Bracket:
    """Print a method call."""
    return Bracket(f"{receiver.flat()}.{identifier(called)}(", tuple(items), ")")


def subscript(generic: Code, items: Iterable[Part]) -> Bracket:
    """Print a type with arguments."""
    return Bracket(f"{generic}[", tuple(items), "]")


def annotated(target: Code, kind: Code) -> Code:
    """Print a parameter with its type."""
    return Code(f"{target}: {kind}")


def optional(kind: Code) -> Code:
    """Print a type that also allows None."""
    return Code(f"{kind} | None")


def declaration(target: Name, kind: Code, value: Bracket | Code | None) -> Code:
    """Print `name: type` or `name: type = value` as a line of a class body."""
    head = annotated(name(target), kind)
    return head if value is None else statement(head + raw(" = "), value, INDENT)


def statement(head: Code, value: Bracket | Code, indent: int = 0, tail: str = "") -> Code:
    """Print `head` and a value as one statement, laid out below `indent` columns."""
    if isinstance(value, Bracket):
        whole = replace(value, head=f"{head}{value.head}", tail=f"{value.tail}{tail}")
        return Code(whole.lay_out(indent))
    return Code(f"{head}{value}{tail}")


def text_statement(head: Code, text: str, indent: int = 0) -> Code:
    """Print `head` and a text; a text that only fits on a line of its own is in parentheses."""
    value = _text(text)
    inner = indent + INDENT
    if indent + width(head + value) <= WIDTH or inner + width(value) > WIDTH:
        return head + value
    return Code(f"{head}(\n{' ' * inner}{value}\n{' ' * indent})")
