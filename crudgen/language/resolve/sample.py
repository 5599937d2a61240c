"""Sample values of a field, for generated tests. Reason to change: another type or bound.

Candidates are validated like defaults. The result is deterministic.
"""

import itertools
import math
import re
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib import import_module
from typing import Any
from uuid import UUID

from crudgen.language.schema import Constant, Field, TypeName, Value

from .values import value_problem

_parse: Any = import_module("re._parser").parse  # no public parser exists
_MAX_STEPS = 5000

_FIXED: dict[TypeName, tuple[Value, ...]] = {
    TypeName.BOOL: (True, False),
    TypeName.DATE: (date(2024, 2, 29), date(2025, 12, 31)),
    TypeName.TIME: (time(12, 30), time(23, 59, 59)),
    TypeName.DATETIME: (
        datetime(2024, 2, 29, 12, 30, tzinfo=UTC),
        datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC),
    ),
    TypeName.UUID: (
        UUID("0190b0f0-0000-7000-8000-000000000001"),
        UUID("0190b0f0-0000-7000-8000-000000000002"),
    ),
    TypeName.EMAIL: ("first@example.com", "second@example.com", "a@b.co", "b@b.co"),
    TypeName.URL: (
        "https://example.com/1",
        "https://example.com/2",
        "https://a.co/",
        "https://b.co/",
    ),
    TypeName.JSON: ({"a": 1}, [1, 2]),
    TypeName.BYTES: (b"first", b"second", b"1", b"2"),
}


def samples(field: Field) -> tuple[Value, Value] | None:
    """Return two valid values of a field, different if possible, or None if none was found."""
    found: list[Value] = []
    for value in _candidate_values(field):
        if value is None or value in found or not _is_valid(field, value):
            continue
        found.append(value)
        if len(found) == 2:
            break
    return (found[0], found[-1]) if found else None


def _is_valid(field: Field, value: Value) -> bool:
    if value_problem(field, value) is not None:
        return False
    if not (field.pk and isinstance(value, str)):
        return True
    return "/" not in value and not value.startswith(".")  # the key is one segment of a URL


def _candidate_values(field: Field) -> Iterator[Value]:
    if field.example is not None:
        yield field.example.value
    yield from _generated_values(field)
    if isinstance(field.default, Constant):
        yield field.default.value


def _generated_values(field: Field) -> Iterator[Value]:
    if field.type is TypeName.ENUM:
        yield from field.words
    elif field.type is TypeName.INT:
        yield from _sample_integers(field)
    elif field.type is TypeName.FLOAT:
        yield from _sample_floats(field)
    elif field.type is TypeName.DECIMAL:
        yield from _sample_decimals(field)
    elif field.type not in (TypeName.STR, TypeName.TEXT):
        yield from _FIXED[field.type]
    elif field.pattern is None:
        yield from _sample_texts(field)
    else:
        yield from _matching_texts(field.pattern, field.min_length or 0, field.max_length or 0)


def _sample_integers(field: Field) -> Iterator[int]:
    yield from (1, 2)
    for bound, step in ((field.minimum, 1), (field.maximum, -1)):
        if bound is not None:
            yield from (int(bound), int(bound) + step)


def _sample_floats(field: Field) -> Iterator[float]:
    yield from (1.5, 2.5)
    if field.minimum is not None and field.maximum is not None:
        yield float(field.minimum) / 2 + float(field.maximum) / 2
    for bound, end in ((field.minimum, math.inf), (field.maximum, -math.inf)):
        if bound is not None:
            near = (float(bound), math.nextafter(float(bound), end))
            yield from (number for number in near if math.isfinite(number))


def _sample_decimals(field: Field) -> Iterator[Decimal]:
    step = Decimal(1).scaleb(-(field.scale or 0))
    units = (Decimal(1), Decimal(2)) if field.precision != field.scale else ()
    for number in (*units, step, 2 * step):
        yield number.quantize(step)
    for bound, direction in ((field.minimum, step), (field.maximum, -step)):
        if bound is not None:
            yield from (Decimal(bound), Decimal(bound) + direction)


def _sample_texts(field: Field) -> Iterator[str]:
    shortest, longest = field.min_length or 0, field.max_length or 1
    for word in ("first", "second", "1", "2"):
        repeated = word * (shortest // len(word) + 1) if len(word) < shortest else word
        yield repeated[: max(shortest, min(len(word), longest))]


def _matching_texts(pattern: str, shortest: int, longest: int) -> Iterator[str]:
    """Yield texts that probably match a pattern; for a complex one, they may not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree: Any = _parse(pattern)
    except (re.error, RecursionError, OverflowError, ValueError):
        return
    extras = [1, 0, 2, 3, 4, 8, max(0, shortest - 1), shortest, max(0, longest - 1), longest]
    for extra, choice in itertools.product(extras, range(4)):
        try:
            yield _TextBuilder(extra, choice, longest).build(tree)
        except (_UnsupportedError, KeyError, RecursionError):
            continue


class _UnsupportedError(Exception):
    """No text can be built: it would be too long, or the pattern has an unsupported element."""


class _TextBuilder:
    """Builds a text for a parsed pattern, with `extra` repetitions and alternative `choice`."""

    def __init__(self, extra: int, choice: int, longest: int) -> None:
        self.extra, self.choice, self.longest = extra, choice, longest
        self.steps = 0

    def build(self, tree: Any) -> str:
        text = ""
        for name, argument in tree:
            text += self._element_text(str(name), argument)
            if len(text) > self.longest:
                raise _UnsupportedError
        return text

    def _element_text(self, name: str, argument: Any) -> str:
        self.steps += 1
        if self.steps > _MAX_STEPS:
            raise _UnsupportedError
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            return self._repeated_text(*argument)
        if name == "SUBPATTERN":
            return self.build(argument[3])
        if name == "BRANCH":
            branches = argument[1]
            return self.build(branches[self.choice % len(branches)])
        return "" if name == "AT" else self._element_character(name, argument)

    def _element_character(self, name: str, argument: Any) -> str:
        if name == "LITERAL":
            return chr(argument)
        if name in ("NOT_LITERAL", "ANY"):
            return next(c for c in self._alphabet() if ord(c) != argument)
        if name == "IN":
            return self._character_of_set(argument)
        raise _UnsupportedError

    def _repeated_text(self, minimum: int, maximum: int, tree: Any) -> str:
        count = min(int(minimum) + self.extra, int(maximum))
        if count > self.longest:
            raise _UnsupportedError
        text = ""
        for _ in range(count):
            text += self.build(tree)
            if len(text) > self.longest:
                raise _UnsupportedError
        return text

    def _alphabet(self) -> str:
        letters = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ _-.,:;+@#!"
        return letters[self.choice :] + letters[: self.choice]

    def _character_of_set(self, items: Any) -> str:
        allowed = [c for c in self._alphabet() if _is_in_set(c, items)]
        if allowed:
            return allowed[self.choice % len(allowed)]
        first = next((a for n, a in items if str(n) in ("LITERAL", "RANGE")), None)
        if first is None:
            raise _UnsupportedError
        return chr(first if isinstance(first, int) else first[0])


_CATEGORIES: dict[str, Callable[[str], bool]] = {
    "CATEGORY_DIGIT": str.isdigit,
    "CATEGORY_SPACE": str.isspace,
    "CATEGORY_WORD": lambda c: c.isalnum() or c == "_",
    "CATEGORY_NOT_DIGIT": lambda c: not c.isdigit(),
    "CATEGORY_NOT_SPACE": lambda c: not c.isspace(),
    "CATEGORY_NOT_WORD": lambda c: not (c.isalnum() or c == "_"),
}


def _is_in_set(character: str, items: Any) -> bool:
    negated, inside, code = False, False, ord(character)
    for name, argument in items:
        kind = str(name)
        if kind == "NEGATE":
            negated = True
        elif kind == "LITERAL":
            inside |= code == argument
        elif kind == "RANGE":
            inside |= argument[0] <= code <= argument[1]
        elif kind == "CATEGORY":
            inside |= _CATEGORIES[str(argument)](character)
    return inside != negated
