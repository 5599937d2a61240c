"""Grammar of the short form of fields. Reason to change: the syntax of the short form.

    type[(args)][?] [= default] [option …]
    -> Entity[?] [= default] [option …]

An option is a word, or a word with an argument: `index`, `min(0)`.

`str(1..80) unique` · `int(0..)? index` · `decimal(10,2) = 0.00 min(0)` · `enum(a, b) = a`
`-> Team?` · `-> Hero? set_null inverse(minions)`
"""

import re
from collections.abc import Iterable
from itertools import groupby

from crudgen.language.names import ClassName
from crudgen.language.types import REFERENCE_OPTIONS, Argument, Arguments, Option, TypeInfo

INTEGER = r"-?(?:0|[1-9][0-9]*)"
NUMBER = rf"{INTEGER}(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
COUNT = r"(?:0|[1-9][0-9]*)"
WORD = r"[A-Za-z0-9_](?:[A-Za-z0-9_. +/-]{0,58}[A-Za-z0-9_+])?"
_SINGLE_WORD = WORD.replace(". +", ".+")
"""An enum with one value has no space in it: `enum(new old)` is a mistake."""
QUOTED = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')"""
DEFAULT = rf"""(?:{QUOTED}|[^\s"'=,()\[\]{{}}][^\s()]*)"""
CALLER = r"me(?:\.[a-z][a-z0-9_]{0,59})?"
"""A default that is an attribute of the caller."""
_NULL = "(?:null|~)"
NULL_WORDS = "(?:None|NULL|Null|nil)"
"""Null in other languages. Text needs quotes to be one of them."""
_REST = r"(?:[^()\n]*[^\s()])?"
NAME = rf"""(?:{QUOTED}|[^\s"'(),](?:[^"'(),\n]*[^\s"'(),])?)"""
"""One of several names."""

ARGUMENTS = {
    Arguments.NONE: "",
    Arguments.LENGTH: rf"(?: *\( *(?:{COUNT} *\.\. *{COUNT}|{COUNT} *\.\.|\.\. *{COUNT}) *\))?",
    Arguments.RANGE: rf"(?: *\( *(?:{NUMBER} *\.\. *{NUMBER}|{NUMBER} *\.\.|\.\. *{NUMBER}) *\))?",
    Arguments.SIZE: rf"(?: *\( *\.\. *{COUNT} *\))?",
    Arguments.DIGITS: rf" *\( *{COUNT} *, *{COUNT} *\)",
    Arguments.VALUES: rf" *\( *(?:{_SINGLE_WORD}|{WORD}(?: *, *{WORD})+) *\)",
}
"""Patterns of the arguments of types."""

EXAMPLES = {
    Arguments.NONE: "{0}",
    Arguments.LENGTH: "{0}(1..80), {0}(1..) or {0}(..80)",
    Arguments.RANGE: "{0}(0..10), {0}(0..) or {0}(..10)",
    Arguments.SIZE: "{0}(..200)",
    Arguments.DIGITS: "{0}(10,2)",
    Arguments.VALUES: "{0}(red, green)",
}

ARGUMENT = {
    Argument.NUMBER: NUMBER,
    Argument.TEXT: rf"""(?:{QUOTED}|[^\s"'()]{_REST})""",
    Argument.VALUE: rf"""(?:{QUOTED}|[^\s"'=,()\[\]{{}}]{_REST})""",
    Argument.NAMES: rf"{NAME}(?: *, *{NAME})*",
}
"""Patterns of the arguments of options."""

PARTS = re.compile(
    r"(?P<type>[^\s(?=]*)(?P<args> *\([^)]*\)?)?(?P<optional> *\?)?"
    rf"(?P<default>\s*=\s*(?P<value>{DEFAULT})?)?(?P<options>.*)",
    re.DOTALL,
)
"""Matches any text."""

REFERENCE_PARTS = re.compile(
    r"\s*(?P<arrow>->)\s*(?P<target>[^\s?(=]*)(?P<optional> *\?)?"
    rf"(?P<default>\s*=\s*(?P<value>{DEFAULT})?)?(?P<options>.*)",
    re.DOTALL,
)
"""Matches any text that begins with an arrow."""
_KEY = rf"(?: *= *(?!{NULL_WORDS}(?: |$)){DEFAULT}(?= |$))?"
"""The default of a reference."""
_TARGET = rf"^ *-> *{ClassName.PATTERN.pattern}(?![A-Za-z0-9])"
_OPTIONAL = rf"{_TARGET} *\?{_KEY}"
_REQUIRED = rf"{_TARGET}(?! *\?| *= *{_NULL}(?: |$)){_KEY}"


def short_form_pattern(info: TypeInfo) -> str:
    """Return a regular expression that matches the short forms of a type, also in JavaScript."""
    return rf"{_pattern_before_options(info)}(?: +(?:{_option_pattern(info.short_options)}))* *$"


def reference_pattern() -> str:
    """Return a regular expression that matches the short forms of references."""
    words = _option_pattern(REFERENCE_OPTIONS.values())
    return rf"(?:{_OPTIONAL}|{_REQUIRED})(?: +(?:{words}))* *$"


def nullable_pattern() -> str:
    """Return a regular expression that matches references that accept null or lack `set_null`.

    The text must match `reference_pattern`.
    """
    words = _option_pattern(
        option for option in REFERENCE_OPTIONS.values() if option.name != "set_null"
    )
    return rf"(?:{_OPTIONAL}|{_REQUIRED}(?: +(?:{words}))* *$)"


def target_pattern() -> str:
    """Return a regular expression that matches text with a valid entity after the arrow."""
    return rf"{_TARGET}(?![^ ?=])"


def reference_default_pattern() -> str:
    """Return a regular expression that matches text with a valid default, or without one."""
    return rf"(?:{_OPTIONAL}|{_REQUIRED})(?! *\?? *=)"


def type_pattern(*types: str) -> str:
    """Return a regular expression that matches text whose first word is one of the types."""
    return rf"^ *(?:{'|'.join(types)})(?![^ (?=])"


def arguments_pattern(info: TypeInfo) -> str:
    """Return a regular expression that matches text with valid arguments of the type."""
    return rf"{_pattern_before_default(info)}(?! *\()(?![^ ?=])"


def default_pattern(info: TypeInfo) -> str:
    """Return a regular expression that matches text with a valid default, or without one."""
    return rf"{_pattern_before_options(info)}(?! *\(| *\?? *=)"


def _pattern_before_default(info: TypeInfo) -> str:
    return rf"^ *{info.name}{ARGUMENTS[info.arguments]}"


def _pattern_before_options(info: TypeInfo) -> str:
    default = rf"(?: *\?)?(?: *= *{_default_value_pattern(info)}(?= |$))?"
    return rf"{_pattern_before_default(info)}(?:{default}| *\? *= *{_NULL}(?= |$))"


def _default_value_pattern(info: TypeInfo) -> str:
    """Return a regular expression of a type's defaults other than null."""
    if info.value_type == "boolean":
        return f"(?:true|false|{CALLER})"
    if info.value_type == "integer":
        return f"(?:{NUMBER}|{CALLER})"
    if info.value_type == "number":
        return NUMBER
    other = {_NULL} if info.accepts_now else {_NULL, "now"}
    if info.value_type == "string":
        other |= {NUMBER, "true", "false"}
    if info.text:
        other.add(NULL_WORDS)
    return rf"(?!(?:{'|'.join(sorted(other))})(?: |$)){DEFAULT}"


def _option_pattern(options: Iterable[Option]) -> str:
    """Return a regular expression of an option."""
    ordered = sorted(options, key=_argument_kind)
    groups = [(Argument(kind), [*group]) for kind, group in groupby(ordered, key=_argument_kind)]
    return "|".join(_option_group_pattern(kind, group) for kind, group in groups)


def _argument_kind(option: Option) -> int:
    return option.argument.value


def _option_group_pattern(kind: Argument, options: list[Option]) -> str:
    names = "|".join(option.name for option in options)
    return names if kind is Argument.NONE else rf"(?:{names}) *\( *{ARGUMENT[kind]} *\)"
