"""The registry of value types: how requests and responses contain the values of a column.

The module of a type registers it. A model that uses the type imports that module.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ValueHandling:
    """How the values of one Python type are parsed and written."""

    query_type: Callable[[Any], Any] | None = None
    """Returns the annotation that parses a query parameter, for a column type. Default: text."""
    write: Callable[[Any], str] | None = None
    """Converts a value to a JSON string. Default: pydantic writes the value."""
    is_comparable: bool = True
    """Whether lists can be filtered and sorted by the values."""


VALUE_TYPES: dict[type, ValueHandling] = {}
"""The registered types, by the Python type of their values."""

BODY_CONVERTERS: list[Callable[[bytes, Any], Any]] = []
"""Functions that get a JSON body and its parsed value, and return the value to validate."""
