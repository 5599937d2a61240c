"""Lays source out as `ruff format` does. Reason to change: how long lines are split."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Self, TypeAlias

from crudgen.language.names import AttributeName
from crudgen.language.schema import Value

from .characters import width
from .code import Code, identifier, literal, name, optional, string

WIDTH = 100
INDENT = 4

_concat = "".join

Part: TypeAlias = "Bracket | Comparison | Code"


class Bracket(str):
    """Items in brackets, with source before and after them: a call, signature or subscript.

    As a string, it is its source on one line.
    """

    __slots__ = ("head", "is_tuple", "items", "tail")

    head: str
    items: Sequence[Part]
    tail: str
    is_tuple: bool
    """Whether a single item needs a trailing comma."""

    def __new__(cls, head: str, items: Sequence[Part], tail: str, is_tuple: bool = False) -> Self:
        """Return the source of the items, with further source before and after them.

        Raises TypeError for an item that is text, but not source.
        """
        _check_parts(items)
        comma = "," if is_tuple and len(items) == 1 else ""
        source = str.__new__(cls, _concat((head, ", ".join(items), comma, tail)))
        source.head = head
        source.items = items
        source.tail = tail
        source.is_tuple = is_tuple
        return source

    def surrounded_by(self, before: str, after: str = "") -> "Bracket":
        """Return the same items with further source before and after them."""
        source = str.__new__(type(self), _concat((before, self, after)))
        source.head = _concat((before, self.head))
        source.items = self.items
        source.tail = _concat((self.tail, after))
        source.is_tuple = self.is_tuple
        return source

    def lay_out(self, indent: int, after: str = "") -> str:
        """Return the source on one line if it fits, else with one item per line.

        The source starts at column `indent`, and `after` follows it.
        """
        return self if self.fits(indent, _concat((self, after))) else self.split_items(indent)

    def fits(self, indent: int, line: str) -> bool:
        """Return whether a line with the source fits, or the source cannot be split."""
        return indent + width(line) <= WIDTH or not self.items

    def split_items(self, indent: int) -> str:
        """Return the source with one item per line."""
        margin = f"\n{' ' * (indent + INDENT)}"
        items = [_concat((margin, item.lay_out(indent + INDENT, ","), ",")) for item in self.items]
        return _concat((self.head, *items, "\n", " " * indent, self.tail))


class Comparison(str):
    """A comparison, as an item in brackets. As a string, it is its source on one line."""

    __slots__ = ("left", "operator", "right")

    left: Bracket
    operator: str
    right: Bracket | Code

    def __new__(cls, left: Bracket, operator: str, right: Bracket | Code) -> Self:
        """Return the source of a comparison."""
        source = str.__new__(cls, _concat((left, " ", operator, " ", right)))
        source.left, source.operator, source.right = left, operator, right
        return source

    def lay_out(self, indent: int, after: str = "") -> str:
        """Return the source on one line if it fits, else on two, split before the operator.

        The source starts at column `indent`, and `after` follows it.
        """
        if indent + width(f"{self}{after}") <= WIDTH:
            return self
        return f"{self.left.lay_out(indent)}\n{' ' * indent}{self.operator} {self.right}"


_PARTS = frozenset({Bracket, Comparison, Code})


def _check_parts(parts: Iterable[Part]) -> None:
    """Raise TypeError for text that is not source."""
    if not _PARTS.issuperset(map(type, parts)):
        raise TypeError("only Code, Bracket and Comparison can be laid out")


def nested_literal(value: Value) -> "Bracket | Code":
    """Return the source of a value that may contain lists and dicts."""
    match value:
        case list():
            return Bracket("[", tuple(nested_literal(item) for item in value), "]")
        case dict():
            items = [_with_prefix(f"{literal(k)}: ", nested_literal(v)) for k, v in value.items()]
            return Bracket("{", tuple(items), "}")
    return literal(value)


def _with_prefix(prefix: str, value: "Bracket | Code") -> "Bracket | Code":
    return (
        value.surrounded_by(prefix)
        if isinstance(value, Bracket)
        else Code(_concat((prefix, value)))
    )


def call(function: Code, items: Iterable[Part]) -> Bracket:
    """Return the source of a function call."""
    return Bracket(_concat((function, "(")), tuple(items), ")")


def keyword(key: str, value: Bracket | Code) -> Bracket | Code:
    """Return the source of a keyword argument."""
    return _with_prefix(_keyword_prefix(key), value)


@lru_cache(maxsize=4096)
def _keyword_prefix(key: str) -> str:
    return f"{identifier(key)}="


def pair(key: str, value: Bracket | Code) -> Bracket | Code:
    """Return the source of an item of a dict with a string key."""
    return _with_prefix(_item_prefix(key), value)


@lru_cache(maxsize=4096)
def _item_prefix(key: str) -> str:
    return f"{string(key)}: "


def method(receiver: Bracket, name: str, items: Iterable[Part]) -> Bracket:
    """Return the source of a method call."""
    return Bracket(f"{receiver}.{identifier(name)}(", tuple(items), ")")


def subscript(generic: Code, items: Iterable[Part]) -> Bracket:
    """Return the source of a generic type with arguments: `list[int]`."""
    return Bracket(_concat((generic, "[")), tuple(items), "]")


def declaration(target: AttributeName, kind: Code, value: Bracket | Code | None) -> Code:
    """Return `name: type` or `name: type = value`, as a line of a class body."""
    head = _concat((name(target), ": ", kind))
    return Code(head) if value is None else statement(Code(head + " = "), value, INDENT)


def union_or_none(kind: Code) -> Bracket:
    """Return a type that also allows None; parentheses enclose it if it is split."""
    return Bracket("", (optional(kind),), "")


def typed_declaration(
    target: AttributeName, kind: Bracket | Code, value: Bracket | Code | None
) -> Code:
    """Return `name: type = value`, as a line of a class body, however long name and type are.

    Parentheses enclose the value if its first line is too long. If they do not suffice, the type
    is split; a name cannot be. The value may be omitted.
    """
    _check_parts((kind,) if value is None else (kind, value))
    head = _concat((name(target), ": ", kind))
    flat = head if value is None else _concat((head, " = ", value))
    if INDENT + width(flat) <= WIDTH:
        return Code(flat)
    margin, inner = " " * INDENT, " " * 2 * INDENT
    if value is None:
        first = head
    else:
        head = f"{head} = "
        first = head + _first_line(value)
    if INDENT + width(first) > WIDTH:
        if value is not None and INDENT + width(f"{head}(") <= WIDTH:
            return _in_parentheses(head, value, INDENT)
        if isinstance(kind, Bracket):
            items = ", ".join(kind.items)
            if not kind.head and 2 * INDENT + width(items) > WIDTH:
                items = items.replace(" | None", f"\n{inner}| None")
            head = f"{name(target)}: {kind.head or '('}\n{inner}{items}\n{margin}"
            last = kind.tail or ")"
            if value is None:
                return Code(head + last)
            return Code(head + statement(Code(f"{last} = "), value, INDENT))
    return Code(head) if value is None else statement(Code(head), value, INDENT)


def long_statement(head: Code, value: Bracket, indent: int = 0) -> Code:
    """Return the statement of `head` and a value.

    Parentheses enclose the value if its first line fits only in them.
    """
    inside = indent + max(width(f"{head}("), INDENT + width(value.head))
    if indent + width(f"{head}{value.head}") > WIDTH >= inside:
        return _in_parentheses(head, value, indent)
    return statement(head, value, indent)


def _in_parentheses(head: str, value: Bracket | Code, indent: int) -> Code:
    inner = indent + INDENT
    return Code(f"{head}(\n{' ' * inner}{value.lay_out(inner)}\n{' ' * indent})")


def _first_line(value: Bracket | Code) -> str:
    """Return the first line of a value with one item per line."""
    return value.head if isinstance(value, Bracket) and value.items else value


def statement(head: Code, value: Bracket | Code, indent: int = 0, tail: str = "") -> Code:
    """Return the statement of `head`, a value and `tail`, indented by `indent` columns."""
    line = _concat((head, value, tail))
    if isinstance(value, Bracket) and not value.fits(indent, line):
        return Code(_concat((head, value.split_items(indent), tail)))
    return Code(line)


def text_statement(head: Code, text: str, indent: int = 0) -> Code:
    """Return `head` and a string, in parentheses if it fits only on a line of its own."""
    value = string(text)
    inner = indent + INDENT
    if indent + width(head + value) <= WIDTH or inner + width(value) > WIDTH:
        return head + value
    return Code(f"{head}(\n{' ' * inner}{value}\n{' ' * indent})")
