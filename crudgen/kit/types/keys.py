"""Keys of rows in a request body."""

from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, WithJsonSchema, WrapValidator
from pydantic_core import PydanticCustomError

from .many import MAX_BATCH_SIZE, stop_at_max_problems


def _number(value: Any) -> Any:
    """Return a number unchanged; pydantic alone also accepts `"1"` and `true` for an integer."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


Key = TypeVar("Key")
Keys = Annotated[list[Key], Field(max_length=MAX_BATCH_SIZE), WrapValidator(stop_at_max_problems)]
"""A list of at most MAX_BATCH_SIZE keys."""

IntKey = Annotated[
    int, BeforeValidator(_number), WithJsonSchema({"type": "integer", "format": "int64"})
]
"""An integer key: 1 or, as in JSON Schema, 1.0."""
