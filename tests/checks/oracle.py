"""Conditions in plain Python: what the text of a spec says about a row, with SQL's three values.

Nothing here uses the language or a database.
"""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

_TOKENS = re.compile(r"'(?:[^']|'')*'|[^\W\d]\w*|-?[\d.]+(?:e[+-]?\d+)?|[<>!]=|[=<>(),]")
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
READERS: Mapping[str, Callable[[Any], Any]] = {
    "int": int,
    "float": float,
    "decimal": Decimal,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "datetime": datetime.fromisoformat,
    "uuid": UUID,
}


def holds(text: str, row: Mapping[str, Any], kinds: Mapping[str, str]) -> bool:
    """Return whether a row with JSON values meets a condition; `kinds` are the types of fields."""
    return _Reader(text, row, kinds).alternatives() is not False


def allows(text: str, row: Mapping[str, Any], kinds: Mapping[str, str]) -> bool:
    """Return whether a condition is true: what is unknown allows nothing."""
    return _Reader(text, row, kinds).alternatives() is True


class _Reader:
    def __init__(self, text: str, row: Mapping[str, Any], kinds: Mapping[str, str]) -> None:
        self._tokens = _TOKENS.findall(text)
        self._row = row
        self._kinds = kinds

    def alternatives(self) -> bool | None:
        found = [self._all()]
        while self._skip("or"):
            found.append(self._all())
        return True if True in found else None if None in found else False

    def _all(self) -> bool | None:
        found = [self._one()]
        while self._skip("and"):
            found.append(self._one())
        return False if False in found else None if None in found else True

    def _one(self) -> bool | None:
        if self._skip("not"):
            found = self._one()
            return None if found is None else not found
        if self._skip("("):
            found = self.alternatives()
            assert self._skip(")")
            return found
        left = self._tokens.pop(0)
        if self._skip("is"):
            is_not = self._skip("not")
            assert self._skip("null")
            return (self._row[left] is None) is not is_not
        is_not = self._skip("not")
        if self._skip("in"):
            kind = self._kinds[left]
            assert self._skip("(")
            values = [self._value(self._tokens.pop(0), kind)]
            while self._skip(","):
                values.append(self._value(self._tokens.pop(0), kind))
            assert self._skip(")")
            value = self._value(left, kind)
            return None if value is None else (value in values) is not is_not
        if not self._tokens or self._tokens[0] not in _OPERATORS:
            value = self._row[left]
            assert value in {None, True, False}
            return value  # type: ignore[no-any-return]
        compare, right = _OPERATORS[self._tokens.pop(0)], self._tokens.pop(0)
        kind = self._kinds.get(left) or self._kinds[right]
        values = [self._value(left, kind), self._value(right, kind)]
        return None if None in values else compare(*values)

    def _skip(self, token: str) -> bool:
        if self._tokens[:1] != [token]:
            return False
        self._tokens.pop(0)
        return True

    def _value(self, token: str, kind: str) -> Any:
        """Return the value of a field or constant in Python."""
        if token in self._kinds:
            value = self._row[token]
            return value if value is None else READERS.get(kind, lambda same: same)(value)
        if token[0] == "'":
            text = token[1:-1].replace("''", "'")
            return READERS.get(kind, str)(text)
        if kind == "bool":
            return {"true": True, "false": False}[token]
        return READERS.get(kind, str)(token)
