"""Random texts that match a pattern. Reason to change: a construct of regular expressions."""

import re
import warnings
from functools import lru_cache
from importlib import import_module
from random import Random
from typing import Any

from crudgen.language.patterns import matches

_parse: Any = import_module("re._parser").parse  # no public parser exists
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ALPHABET = f"{_LETTERS}{_LETTERS.upper()}0123456789 _-.,:;+@#!'\"()/&?%$*=<>[]{{}}|~^`\\"
_CLASS = re.compile(
    r"\\[pP](?:\{(?P<property>\^?\w+)\}|(?P<letter>\w))|\[:(?P<posix>\w+):\]|\\.|[\[\]]", re.DOTALL
)
_CHARACTERS = {
    **dict.fromkeys(("l", "letter", "alphabetic", "alpha"), "a-zA-Z"),
    **dict.fromkeys(("lu", "uppercase", "uppercase_letter", "upper"), "A-Z"),
    **dict.fromkeys(("ll", "lowercase", "lowercase_letter", "lower"), "a-z"),
    **dict.fromkeys(("n", "nd", "number", "decimal_number", "digit"), "0-9"),
    **dict.fromkeys(("z", "zs", "white_space", "whitespace", "space"), " "),
    **dict.fromkeys(("p", "punctuation", "punct"), ".,!-"),
    "alnum": "a-zA-Z0-9",
    "word": "a-zA-Z0-9_",
    "xdigit": "0-9a-f",
}
"""Classes of Rust's regular expressions that Python lacks, with some of their characters."""
_MORE = 6
"""Most repetitions beyond the least number, unless a text has to be longer."""
_MAX_LENGTH = 70_000


class _TooLongError(Exception):
    """The text would be longer than a field can be."""


def random_text(pattern: str, random: Random, shortest: int, longest: int) -> str | None:
    """Return a random text of a valid length that matches a pattern; None if none was found."""
    tree = _parsed_pattern(pattern)
    if tree is None:
        return None
    for attempt in range(40):
        # A pattern such as [a-z]* needs as many repetitions as the text has characters.
        more = min(_MORE, longest)
        if attempt >= 20:
            more = random.choice((0, 1, shortest, longest))
        try:
            is_long = attempt % 4 == 3
            text = _Builder(random, max(more, shortest), is_long=is_long).matching_text(tree)
        except (_TooLongError, KeyError, RecursionError):
            continue
        text = text[:longest] if attempt % 2 else text
        if shortest <= len(text) <= longest and matches(pattern, text):
            return text
    return None


@lru_cache(maxsize=256)
def _parsed_pattern(pattern: str) -> Any:
    """Return the tree of a pattern in Python's syntax; None if it has no equivalent there."""
    pattern = _to_python_syntax(pattern)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _parse(pattern)
    except (re.error, RecursionError, OverflowError, ValueError):
        return None


def _to_python_syntax(pattern: str) -> str:
    """Return a pattern in Python's syntax, with fewer characters in some classes."""
    depth = 0

    def converted(found: re.Match[str]) -> str:
        nonlocal depth
        named = found["property"] or found["letter"] or found["posix"]
        if named:
            characters = _CHARACTERS.get(named.lower(), "a-z")
            return characters if depth else f"[{characters}]"
        if found[0] in {"[", "]"}:
            depth = max(0, depth + (1 if found[0] == "[" else -1))
        return r"\Z" if found[0] == r"\z" else found[0]

    named_groups = re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern)
    return _CLASS.sub(converted, named_groups)


class _Builder:
    """Builds a text for a parsed pattern."""

    def __init__(self, random: Random, more: int, *, is_long: bool) -> None:
        self._random, self._more, self._is_long = random, more, is_long
        self._length = 0

    def matching_text(self, tree: Any) -> str:
        """Return a text for a part of the pattern. Raises KeyError for what is not supported."""
        return "".join(self._element(str(name), argument) for name, argument in tree)

    def _element(self, name: str, argument: Any) -> str:
        if name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            least, most, inner = argument
            highest = min(int(most), int(least) + self._more)
            count = highest if self._is_long else self._random.randint(int(least), highest)
            return "".join(self.matching_text(inner) for _ in range(count))
        if name == "SUBPATTERN":
            return self.matching_text(argument[3])
        if name == "ATOMIC_GROUP":
            return self.matching_text(argument)
        if name == "BRANCH":
            return self.matching_text(self._random.choice(argument[1]))
        if name == "AT":
            return ""
        self._length += 1
        if self._length > _MAX_LENGTH:
            raise _TooLongError
        return self._character(name, argument)

    def _character(self, name: str, argument: Any) -> str:
        if name == "LITERAL":
            return chr(argument)
        if name == "NOT_LITERAL":
            return self._random.choice(_ALPHABET.replace(chr(argument), ""))
        if name == "ANY":
            return self._random.choice(_ALPHABET)
        if name == "IN":
            return self._character_of_set(argument)
        raise KeyError(name)

    def _character_of_set(self, items: Any) -> str:
        allowed = _allowed_characters(tuple(items))
        if allowed:
            return self._random.choice(allowed)
        first = next(item for kind, item in items if str(kind) in {"LITERAL", "RANGE"})
        return chr(first) if isinstance(first, int) else chr(self._random.randint(*first))


@lru_cache(maxsize=1024)
def _allowed_characters(items: tuple[Any, ...]) -> str:
    """Return the usual characters in a set of a pattern."""
    return "".join(one for one in _ALPHABET if _is_in_set(one, items))


def _is_in_set(character: str, items: Any) -> bool:
    negated, inside, code = False, False, ord(character)
    for kind, argument in items:
        match str(kind):
            case "NEGATE":
                negated = True
            case "LITERAL":
                inside |= code == argument
            case "RANGE":
                inside |= argument[0] <= code <= argument[1]
            case _:
                inside |= bool(re.match(_SHORT_CLASSES[str(argument)], character))
    return inside != negated


_SHORT_CLASSES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
