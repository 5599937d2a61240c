"""Validation of the text of dates, UUIDs and decimals: pydantic accepts more formats."""

import re
from collections.abc import Callable
from typing import Any

from pydantic_core import PydanticCustomError


def text_form(kind: type, pattern: str, what: str) -> Callable[[Any], Any]:
    """Return a validator that accepts values of a type, and text that matches a pattern."""
    form = re.compile(pattern)

    def check(value: Any) -> Any:
        if isinstance(value, kind) or (isinstance(value, str) and form.fullmatch(value)):
            return value
        raise PydanticCustomError("text_form", "Input should be {what}", {"what": what})

    return check
