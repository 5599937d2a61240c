"""The key at the end of a path, validated as FastAPI does. Reason to change: which keys are simple.

An integer in its only form needs no Pydantic.
"""

import re
from typing import Any, get_args

from ..types.scalars import IntText

_INT_KEY = re.compile(r"0|[1-9][0-9]{0,17}")
"""Texts that are valid as IntText."""


class PathKey:
    """The path parameter of a handler that takes a key."""

    def __init__(self, field: Any) -> None:
        """`field` is the path parameter as FastAPI knows it."""
        self.name: str = field.name
        self.alias: str = field.alias
        self._field = field
        info = field.field_info
        self._is_int = (info.annotation, *info.metadata) == get_args(IntText)

    def read(self, text: str) -> tuple[Any, bool]:
        """Return the value of a key, and whether it is valid."""
        if self._is_int and _INT_KEY.fullmatch(text):
            return int(text), True
        value, errors = self._field.validate(text, {}, loc=("path",))
        return value, not errors
