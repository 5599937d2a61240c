"""The base of every model: how input is read and how tables are named."""

from collections.abc import Container, Iterator
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import CoreSchema
from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from .errors import MAX_PROBLEMS
from .text import apply_rules
from .types import NO_NUL

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

MIN_INT = -(2**63)
"""Smallest integer that a column holds."""
MAX_INT = 2**63 - 1
"""Largest integer that a column holds."""

_SAYS_MORE = {"pattern", "format", "enum", "const", "contentEncoding"}

MOST_AT_ONCE = 100
"""Rows that one request can write."""


def _up_to_most_problems(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Read a list only as far as its problems are told: to describe each takes its time."""
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
    Field(min_length=1, max_length=MOST_AT_ONCE),
    WrapValidator(_up_to_most_problems),
]
"""What one request can write, or name, at once."""

ReadOnly = Annotated[Any, Field(exclude=True, json_schema_extra={"readOnly": True})]
"""A property that the server sets: a client may send it back, and it is ignored."""


def exact_bounds(schema: dict[str, Any]) -> None:
    """Write the bound of 64-bit integers so that a reader who only has doubles has it too.

    2^63 is a double, 2^63 - 1 is none: JavaScript and many validators read the one as the other.
    """
    for described in (schema, *schema.get("anyOf", ())):
        if described.get("maximum") == MAX_INT:
            del described["maximum"]
            described["exclusiveMaximum"] = MAX_INT + 1


def without_nul(schema: dict[str, Any]) -> None:
    """Say of text that it has no NUL, unless a pattern or words say what it has."""
    for described in (schema, *schema.get("anyOf", ())):
        if described.get("type") == "string" and not described.keys() & _SAYS_MORE:
            described["pattern"] = NO_NUL


def _standard_base64(schema: dict[str, Any]) -> None:
    """Write a default of bytes as answers have it; pydantic takes the alphabet of URLs."""
    default = schema.get("default")
    kinds = (schema, *schema.get("anyOf", ()))
    if isinstance(default, str) and any("contentEncoding" in kind for kind in kinds):
        schema["default"] = default.replace("-", "+").replace("_", "/")


def _describe(schema: dict[str, Any]) -> None:
    for described in schema.get("properties", {}).values():
        exact_bounds(described)
        without_nul(described)
        _standard_base64(described)


class Model(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMES))):
    """Base of every model of this application, with a registry and metadata of its own.

    Input is read strictly: no text for a number, no number for a truth value, no unknown property.
    Text is brought into the form that is stored (see text.py).
    """

    model_config = {
        "strict": True,
        "extra": "forbid",
        "allow_inf_nan": False,
        "hide_input_in_errors": True,
        "ser_json_bytes": "base64",
        "regex_engine": "rust-regex",
        "json_schema_extra": _describe,
    }

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Add how text is read."""
        schema = handler(source)
        apply_rules(handler.resolve_ref_schema(schema), cls.model_fields)
        return schema

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Read 1.0 where an integer belongs: to JSON Schema it is one."""
        if isinstance(value, dict) and len(value) > MAX_PROBLEMS:
            value = _without_most_unknown(value, cls.model_fields)
        try:
            return handler(value)
        except ValidationError as error:
            whole = dict(_whole_numbers(error))
            if not whole or not isinstance(value, dict):
                raise
            return handler({**value, **whole})


def _without_most_unknown(value: dict[Any, Any], known: Container[str]) -> dict[Any, Any]:
    """Leave out the unknown properties that no answer names: to describe each takes its time."""
    unknown = [key for key in value if key not in known]
    untold = set(unknown[MAX_PROBLEMS:])
    return {key: item for key, item in value.items() if key not in untold}


def _whole_numbers(error: ValidationError) -> Iterator[tuple[Any, int]]:
    for one in error.errors(include_url=False, include_context=False):
        number, loc = one["input"], one["loc"]
        is_whole = isinstance(number, float) and number.is_integer()
        if one["type"] == "int_type" and is_whole and len(loc) == 1:
            yield loc[0], int(number)


def _describe_changes(schema: dict[str, Any]) -> None:
    _describe(schema)
    for described in schema.get("properties", {}).values():
        described.pop("default", None)


class Changes(Model):
    """Base of every model of a partial update (RFC 7396): what is absent stays as it is.

    The fields have a default only so that they may be absent: it is never used, and not documented.
    """

    model_config = {"json_schema_extra": _describe_changes}
