"""Lists of rows or keys in one request."""

from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from ..errors import MAX_PROBLEMS

MAX_BATCH_SIZE = 100
"""Most rows that one request can write."""


def stop_at_max_problems(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Validate a list, but stop after MAX_PROBLEMS errors: to build each error takes time."""
    try:
        return handler(value)
    except ValidationError as error:
        if error.error_count() <= MAX_PROBLEMS:
            raise
    size = 1
    while True:
        try:
            handler(value[:size])
        except ValidationError as error:
            if error.error_count() >= MAX_PROBLEMS:
                raise
        size *= 2


Item = TypeVar("Item")
Many = Annotated[
    list[Item],
    Field(min_length=1, max_length=MAX_BATCH_SIZE),
    WrapValidator(stop_at_max_problems),
]
"""A list of 1 to MAX_BATCH_SIZE rows or keys in one request."""

ManyOrNone = Annotated[
    list[Item], Field(max_length=MAX_BATCH_SIZE), WrapValidator(stop_at_max_problems)
]
"""A list of at most MAX_BATCH_SIZE rows or keys in one request."""
