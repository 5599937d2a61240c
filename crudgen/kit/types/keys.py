"""Integer keys in a request body that contains only keys."""

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError


def _check_number(value: Any) -> Any:
    """Return a number unchanged; pydantic alone also accepts `"1"` and `true` for an integer."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


IntKey = Annotated[
    int, BeforeValidator(_check_number), WithJsonSchema({"type": "integer", "format": "int64"})
]
"""An integer key: 1 or, as in JSON Schema, 1.0."""
