"""Made-up valid values of a field. Reason to change: another type, or a bound of one."""

import itertools
import math
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from random import Random
from typing import Any
from uuid import UUID

from crudgen.language.resolve.values import value_problem
from crudgen.language.schema import Constant, Entity, Field, TypeName, Value

from .matching import random_text
from .numbers import TODAY, at_midnight, day_range, number_range
from .words import text_source

_POOL = 500
"""Number of different texts that are made up for a field that is not unique."""
_LONG = 1000
"""Length of texts of which only a few are made up."""
_MAX_SYSTEMATIC = 1_000_000
"""Most values that are tried for a unique field."""
_MAX_INVALID = 2000
"""Most consecutive values that may be invalid."""
_WORDS = "abcdefghijklmnopqrstuvwxyz"
_NUMBERS = {TypeName.INT, TypeName.FLOAT, TypeName.DECIMAL}
_POOLED = {TypeName.STR, TypeName.TEXT, TypeName.EMAIL, TypeName.URL}


class FieldValues:
    """Makes up values of one field that is not a reference; never null."""

    def __init__(self, entity: Entity, field: Field, random: Random, faker: Any) -> None:
        self.field = field
        self._random = random
        self._source = text_source(entity, field, faker)
        self._is_pooled = field.type in _POOLED and not (field.unique or field.pk)
        self._pool: list[Value] = []
        self._days = day_range(field)
        self._range = number_range(field) if field.type in _NUMBERS else (0, 0)
        is_decimal = field.type is TypeName.DECIMAL
        self._step = Decimal(1).scaleb(-(field.scale or 0))
        """The difference between two neighboring decimals."""
        low, high = (Decimal(one if is_decimal else 0) / self._step for one in self._range)
        self._units = int(low.to_integral(ROUND_CEILING)), int(high.to_integral(ROUND_FLOOR))
        """The range of a decimal, in steps."""

    def draw(self) -> Value:
        """Return a random valid value."""
        if not self._is_pooled:
            return self._draw_valid()
        size = _POOL if (self.field.min_length or 0) < _LONG else 5
        if len(self._pool) < size:
            self._pool.append(self._draw_valid())
            return self._pool[-1]
        return self._random.choice(self._pool)

    def all_values(self) -> Iterator[Value]:
        """Yield different valid values, in a fixed order; for large ranges, not all."""
        invalid = 0
        for value in itertools.islice(self._ordered_values(), _MAX_SYSTEMATIC):
            if value is not None and self._is_valid(value):
                invalid = 0
                yield value
            elif (invalid := invalid + 1) == _MAX_INVALID:
                return

    def _draw_valid(self) -> Value:
        for _ in range(20):
            value = self._random_value()
            if value is not None and self._is_valid(value):
                return value
        default = self.field.default.value if isinstance(self.field.default, Constant) else None
        known = [one for one in (*self.field.samples, default) if one is not None]
        return self._random.choice(known) if known else None

    def _is_valid(self, value: Value) -> bool:
        if value_problem(self.field, value) is not None:
            return False
        if self.field.pk and isinstance(value, str):  # the key is one segment of a URL
            return "/" not in value and not value.startswith(".")
        return True

    def _random_value(self) -> Value:  # noqa: PLR0911 -- one for each type
        field, random = self.field, self._random
        match field.type:
            case TypeName.BOOL:
                return random.random() < 0.5
            case TypeName.ENUM:
                return random.choice(field.words)
            case TypeName.UUID:
                return UUID(int=random.getrandbits(128), version=4)
            case TypeName.INT | TypeName.FLOAT | TypeName.DECIMAL:
                return self._number()
            case TypeName.DATE | TypeName.DATETIME | TypeName.TIME:
                return self._random_date_or_time()
            case TypeName.JSON:
                return self._json()
            case TypeName.BYTES:
                return random.randbytes(self._length(32))
            case _:
                return self._text()

    def _number(self) -> Value:
        low, high = self._range
        if self.field.type is TypeName.INT:
            return self._random.randint(math.ceil(low), math.floor(high))
        if self.field.type is TypeName.FLOAT:
            value = self._random.uniform(float(low), float(high))
            return rounded + 0.0 if low <= (rounded := round(value, 2)) <= high else value
        return self._random.randint(*self._units) * self._step

    def _random_date_or_time(self) -> Value:
        if self.field.type is TypeName.TIME:
            return time(self._random.randrange(24), self._random.choice((0, 15, 30, 45)))
        first, last = self._days
        day = first + timedelta(days=self._random.randint(0, (last - first).days))
        if self.field.type is TypeName.DATE:
            return day
        return at_midnight(day) + timedelta(seconds=self._random.randrange(86_400))

    def _json(self) -> Value:
        words = [self._word(6) for _ in range(3)]
        return {words[0]: self._random.randint(0, 100), words[1]: [words[2], True, None]}

    def _text(self) -> Value:
        field = self.field
        shortest, longest = field.min_length or 0, field.max_length or 255
        if field.pattern:
            return random_text(field.pattern, self._random, shortest, longest)
        text = self._source()
        if len(text) > longest and field.type is TypeName.URL:
            text = f"https://{self._word(max(1, longest - 12))[: longest - 12]}.co"
        elif len(text) > longest and field.type is TypeName.EMAIL:
            text = f"{self._word(max(1, longest - 5))}@a.co"
        elif len(text) > longest:
            text = text[:longest].strip() or self._word(longest)
        while len(text) < shortest and field.type in {TypeName.STR, TypeName.TEXT}:
            text = f"{text} {self._source()}"[:longest].strip() or self._word(shortest)
            if len(text) < shortest:
                text += self._word(1)
        return text

    def _word(self, length: int) -> str:
        return "".join(self._random.choices(_WORDS, k=min(length, 12)))

    def _length(self, usual: int) -> int:
        field = self.field
        longest = usual if field.max_length is None else min(usual, field.max_length)
        return self._random.randint(min(field.min_length or 1, longest), longest)

    def _ordered_values(self) -> Iterator[Value]:
        field = self.field
        match field.type:
            case TypeName.BOOL:
                yield from (False, True)
            case TypeName.ENUM:
                yield from field.words
            case TypeName.INT:
                yield from self._integers()
            case TypeName.DECIMAL:
                low, high = self._units
                yield from (number * self._step for number in range(low, high + 1))
            case TypeName.DATE:
                yield from (TODAY + timedelta(days=number) for number in range(-36_500, 36_500))
            case TypeName.DATETIME:
                start = at_midnight(TODAY)
                yield from (start + timedelta(seconds=number) for number in itertools.count())
            case TypeName.TIME:
                yield from (time(n // 3600, n // 60 % 60, n % 60) for n in range(86_400))
            case _:
                yield from self._numbered_values()

    def _integers(self) -> Iterator[int]:
        low, high = (math.ceil(one) for one in self._range)
        least, most = self.field.minimum, self.field.maximum
        yield from range(low, high + 1)
        if most is not None:
            yield from range(high + 1, math.floor(most) + 1)
        if least is not None:
            yield from range(low - 1, math.ceil(least) - 1, -1)

    def _numbered_values(self) -> Iterator[Value]:
        """Yield random values, those of texts also with a number that makes them different."""
        longest = self.field.max_length or 255
        for number in itertools.count(1):
            value = self._random_value()
            yield value
            if isinstance(value, str):
                head, at, tail = value.partition("@")
                room = longest - len(f"{number}{at}{tail}")
                yield f"{head[: max(0, room)]}{number}{at}{tail}"
                yield str(number)


def uuid_at(number: int, random: Random) -> UUID:
    """Return a version 7 UUID. Those of larger numbers sort after those of smaller ones."""
    milliseconds = int(at_midnight(TODAY).timestamp() * 1000) + number % 2**40
    bits = random.getrandbits(74)
    high, low = bits >> 62, bits & (2**62 - 1)
    return UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)


def nearby(value: Value) -> Iterator[Any]:
    """Yield a value and its neighbors, for comparisons with another field."""
    yield value
    match value:
        case bool() | str():
            pass
        case int():
            yield from (value + 1, value - 1)
        case float():
            yield from (value + 1, value - 1)
        case Decimal():
            yield from (value + 1, value - 1, value + Decimal("0.01"), value - Decimal("0.01"))
        case datetime() | date():
            if date(2, 1, 1) <= date(value.year, value.month, value.day) <= date(9998, 1, 1):
                yield from (value + timedelta(days=sign * 1) for sign in (1, -1))
