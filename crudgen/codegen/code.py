"""Converts text to source. Reason to change: another kind of text in generated code.

Only this module and layout.py create Code, and templates print only Code, so that the text of a
spec cannot become code.
"""

import json
import math
import re
from collections.abc import Iterable, Sequence
from datetime import date, time
from decimal import Decimal
from functools import cache, lru_cache
from uuid import UUID

from crudgen.language.names import (
    AttributeName,
    ClassName,
    ColumnName,
    JsonName,
    PythonName,
    TableName,
)
from crudgen.language.schema import Value

from .literals import bytes_literal, docstring_literal, text_literal

_NAMES = (PythonName, JsonName)
"""Names of letters, digits and underscores."""
_concat = "".join
"""Concatenates source. An f-string would format each instance of a subclass of `str`."""
_IDENTIFIER = re.compile(r"\.{0,2}[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


class Code(str):
    """Source of Python or TypeScript. Only code.py and layout.py create it."""

    __slots__ = ()

    def __add__(self, other: str) -> "Code":
        """Concatenate source. Raises TypeError for text that is not Code."""
        if not isinstance(other, Code):
            raise TypeError("only Code can be added to Code")
        return Code(str.__add__(self, other))

    def lay_out(self, indent: int, after: str = "") -> "Code":  # noqa: ARG002 -- as of a Bracket
        """Return the source unchanged: Code has one layout."""
        return self


_CODE = frozenset({Code})


@cache
def raw(source: str) -> Code:
    """Return a string as code. A test checks that every argument is a literal of this package."""
    return Code(source)


def name(text: PythonName, prefix: str = "", suffix: str = "") -> Code:
    """Return a name with prefix and suffix. Raises ValueError if the result is no identifier."""
    if not isinstance(text, PythonName):
        raise TypeError(f"{text!r} is not a checked name of Python")
    if not (prefix or suffix):
        return Code(text)
    _check_affixes(prefix, suffix)
    return Code(_concat((prefix, text, suffix)))


@lru_cache(maxsize=4096)
def _check_affixes(prefix: str, suffix: str) -> None:
    """Raise ValueError if prefix, name and suffix do not form an identifier."""
    identifier(f"{prefix}a{suffix}")


def attribute_name(text: AttributeName) -> Code:
    """Return the attribute name of a field as a string literal."""
    return _quoted(text)


def class_name(text: ClassName) -> Code:
    """Return the name of an entity as a string literal."""
    return _quoted(text)


def _quoted(text: PythonName | JsonName) -> Code:
    """Return a checked name as a string literal: nothing in it needs an escape."""
    if not isinstance(text, _NAMES):
        raise TypeError(f"{text!r} is not a checked name")
    return Code(_concat(('"', text, '"')))


def sql_name(text: ColumnName | TableName) -> Code:
    """Return the name of a column or table as a string literal."""
    return string(text)


def json_name(text: JsonName) -> Code:
    """Return the JSON name of a field as a string literal."""
    return _quoted(text)


@lru_cache(maxsize=4096)
def identifier(text: str) -> Code:
    """Return an identifier or dotted name as code. Raises ValueError if `text` is neither."""
    is_name = text.isascii() and text.isidentifier()  # as the pattern says, in less time
    if not is_name and not _IDENTIFIER.fullmatch(text):
        raise ValueError(f"{text!a} is not an identifier")
    return Code(text)


def join(separator: Code, parts: Iterable[Code]) -> Code:
    """Return the parts, concatenated with a separator. Raises TypeError if one is not Code."""
    found = (separator, *parts)
    if not _CODE.issuperset(map(type, found)):
        raise TypeError("only Code can be joined with Code")
    return Code(str.join(separator, found[1:]))


def from_import(module: Code, names: Sequence[Code]) -> Code:
    """Return `from module import a, b`. Raises TypeError if one of them is not Code."""
    if not _CODE.issuperset(map(type, (module, *names))):
        raise TypeError("only Code can be imported")
    return Code(_concat(("from ", module, " import ", ", ".join(names))))


def words(text: PythonName) -> Code:
    """Return a checked name as words: `blog_post` as `blog post`."""
    return Code(name(text).replace("_", " "))


def literal(value: Value, kind: Code | None = None) -> Code:
    """Return the source of an expression that evaluates to an equal value.

    `kind` is the source of the value's type, if it is not the name of the type. Raises TypeError
    for an unsupported type, ValueError for a number that is not finite.
    """
    match value:
        case str():
            return string(value)
        case None | bool() | int():
            source = repr(value)
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{value!r} cannot be written as a literal")
            source = repr(value).replace("e+", "e")
        case bytes():
            source = bytes_literal(value)
        case Decimal() | UUID():
            source = f"{kind or type(value).__name__}({string(str(value))})"
        case date() | time():
            source = f"{kind or type(value).__name__}.fromisoformat({string(value.isoformat())})"
        case _:
            raise TypeError(f"a {type(value).__name__} cannot be written as a literal")
    return Code(source)


def typescript(value: Value) -> Code:
    """Return the source of a literal of TypeScript: JSON, in ASCII, without `<`.

    Raises ValueError for a number that is not finite.
    """
    return Code(json.dumps(value, allow_nan=False).replace("<", r"\u003c"))


def string(value: str) -> Code:
    """Return a string as a literal."""
    return Code(text_literal(value))


def docstring(text: str, indent: int) -> Code:
    """Return the source of a docstring. Line breaks are kept; other white space is collapsed."""
    return Code(docstring_literal(text, indent))


def annotated(target: Code, kind: Code) -> Code:
    """Return the source of a parameter or variable with its type: `name: str`."""
    return Code(_concat((target, ": ", kind)))


def optional(kind: Code) -> Code:
    """Return the source of a type that also allows None: `str | None`."""
    return Code(_concat((kind, " | None")))
