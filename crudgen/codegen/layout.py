"""Lays source out as `ruff format` does. Reason to change: how long lines are split."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from crudgen.language.names import AttributeName
from crudgen.language.schema import Value

from .characters import width
from .code import Code, annotated, identifier, literal, name, optional, raw, string

WIDTH = 100
INDENT = 4

Part: TypeAlias = "Bracket | Comparison | Code"


@dataclass(slots=True, init=False)
class Bracket:
    """Items in brackets, with source before and after them: a call, signature or subscript."""

    head: str
    items: Sequence[Part]
    tail: str
    is_tuple: bool
    """Whether a single item needs a trailing comma."""
    _flat: str

    def __init__(self, head: str, items: Sequence[Part], tail: str, is_tuple: bool = False) -> None:
        self.head, self.items, self.tail, self.is_tuple = head, items, tail, is_tuple
        comma = "," if is_tuple and len(items) == 1 else ""
        self._flat = f"{head}{', '.join([item.flat() for item in items])}{comma}{tail}"

    def within(self, before: str, after: str = "") -> "Bracket":
        """Return the same items with further source before and after them."""
        return Bracket(f"{before}{self.head}", self.items, f"{self.tail}{after}", self.is_tuple)

    def flat(self) -> str:
        """Return the source on one line."""
        return self._flat

    def lay_out(self, indent: int, after: str = "") -> str:
        """Return the source on one line if it fits, else with one item per line.

        The source starts at column `indent`, and `after` follows it.
        """
        if indent + width(self._flat + after) <= WIDTH or not self.items:
            return self._flat
        margin = " " * (indent + INDENT)
        items = [item.lay_out(indent + INDENT, ",") for item in self.items]
        lines = "".join(f"{margin}{item},\n" for item in items)
        return f"{self.head}\n{lines}{' ' * indent}{self.tail}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison, as an item in brackets."""

    left: Bracket
    operator: str
    right: Code

    def flat(self) -> str:
        """Return the source on one line."""
        return f"{self.left.flat()} {self.operator} {self.right}"

    def lay_out(self, indent: int, after: str = "") -> str:
        """Return the source on one line if it fits, else on two, split before the operator.

        The source starts at column `indent`, and `after` follows it.
        """
        flat = self.flat()
        if indent + width(flat + after) <= WIDTH:
            return flat
        return f"{self.left.lay_out(indent)}\n{' ' * indent}{self.operator} {self.right}"


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
    if isinstance(value, Bracket):
        return value.within(prefix)
    return Code(f"{prefix}{value}")


def call(function: Code, items: Iterable[Part]) -> Bracket:
    """Return the source of a function call."""
    return Bracket(f"{function}(", tuple(items), ")")


def keyword(key: str, value: Bracket | Code) -> Bracket | Code:
    """Return the source of a keyword argument."""
    return _with_prefix(f"{identifier(key)}=", value)


def pair(key: str, value: Bracket | Code) -> Bracket | Code:
    """Return the source of an item of a dict with a string key."""
    return _with_prefix(f"{string(key)}: ", value)


def method(receiver: Bracket, name: str, items: Iterable[Part]) -> Bracket:
    """Return the source of a method call."""
    return Bracket(f"{receiver.flat()}.{identifier(name)}(", tuple(items), ")")


def subscript(generic: Code, items: Iterable[Part]) -> Bracket:
    """Return the source of a generic type with arguments: `list[int]`."""
    return Bracket(f"{generic}[", tuple(items), "]")


def declaration(target: AttributeName, kind: Code, value: Bracket | Code | None) -> Code:
    """Return `name: type` or `name: type = value`, as a line of a class body."""
    head = annotated(name(target), kind)
    return head if value is None else statement(head + raw(" = "), value, INDENT)


def union_or_none(kind: Code) -> Bracket:
    """Return a type that also allows None, which parentheses enclose if it is split."""
    return Bracket("", (optional(kind),), "")


def typed_declaration(
    target: AttributeName, kind: Bracket | Code, value: Bracket | Code | None
) -> Code:
    """Return `name: type = value`, as a line of a class body, however long name and type are.

    Parentheses enclose the value if its first line is too long. If they do not suffice, the type
    is split; a name cannot be. The value may be omitted.
    """
    head = f"{name(target)}: {kind.flat()}"
    flat = head if value is None else f"{head} = {value.flat()}"
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
            items = ", ".join(item.flat() for item in kind.items)
            if not kind.head and 2 * INDENT + width(items) > WIDTH:
                items = items.replace(" | None", f"\n{inner}| None")
            head = f"{name(target)}: {kind.head or '('}\n{inner}{items}\n{margin}"
            last = kind.tail or ")"
            if value is None:
                return Code(head + last)
            return Code(head + statement(Code(f"{last} = "), value, INDENT))
    return Code(head) if value is None else statement(Code(head), value, INDENT)


def long_statement(head: Code, value: Bracket, indent: int = 0) -> Code:
    """Return `head` and a value.

    Parentheses enclose the value if its first line is too long otherwise, and fits then.
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
    return value.head if isinstance(value, Bracket) and value.items else value.flat()


def statement(head: Code, value: Bracket | Code, indent: int = 0, tail: str = "") -> Code:
    """Return the statement of `head`, a value and `tail`, indented by `indent` columns."""
    flat = f"{head}{value.flat()}{tail}"
    if isinstance(value, Bracket) and indent + width(flat) > WIDTH:
        return Code(value.within(head, tail).lay_out(indent))
    return Code(flat)


def text_statement(head: Code, text: str, indent: int = 0) -> Code:
    """Return `head` and a string, in parentheses if it fits only on a line of its own."""
    value = string(text)
    inner = indent + INDENT
    if indent + width(head + value) <= WIDTH or inner + width(value) > WIDTH:
        return head + value
    return Code(f"{head}(\n{' ' * inner}{value}\n{' ' * indent})")
