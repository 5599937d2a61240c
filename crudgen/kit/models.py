"""The base classes of all models: strict input, and the names of constraints."""

from collections.abc import Container, Iterator
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema
from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from .errors import MAX_PROBLEMS
from .types.text import NO_NUL, apply_rules

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

MIN_INT = -(2**63)
"""Smallest value of an integer column."""
MAX_INT = 2**63 - 1
"""Largest value of an integer column."""

_EXCLUDE_NUL = {"pattern", "format", "enum", "const", "contentEncoding"}
"""Keywords of JSON Schema that already exclude NUL."""

ReadOnly = Annotated[Any, Field(exclude=True, json_schema_extra={"readOnly": True})]
"""A property that the server sets. A request may contain it; the value is ignored."""


def exact_bounds(schema: dict[str, Any]) -> None:
    """Describe the largest 64-bit integer as `exclusiveMaximum: 2^63`.

    JavaScript and many validators parse numbers as doubles, which cannot represent 2^63 - 1.
    """
    for described in (schema, *schema.get("anyOf", ())):
        if described.get("maximum") == MAX_INT:
            del described["maximum"]
            described["exclusiveMaximum"] = MAX_INT + 1


def without_nul(schema: dict[str, Any]) -> None:
    """Add a pattern without NUL to the schema of a string, unless a keyword excludes NUL."""
    for described in (schema, *schema.get("anyOf", ())):
        if described.get("type") == "string" and not described.keys() & _EXCLUDE_NUL:
            described["pattern"] = NO_NUL


def _standard_base64(schema: dict[str, Any]) -> None:
    """Describe a bytes default in standard base64, as in responses. pydantic uses base64url."""
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
    """Base class of all models of this application, with its own registry and metadata.

    Validation is strict: no string for a number, no number for a boolean, no unknown property.
    Text is normalized (see types/text.py).
    """

    __tablename__: ClassVar[Any]  # SQLModel declares it twice; pyright takes its `declared_attr`

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
        """Add the rules for text."""
        schema = handler(source)
        apply_rules(handler.resolve_ref_schema(schema), cls.model_fields)
        return schema

    @model_validator(mode="wrap")
    @classmethod
    def _accept_integral_floats(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Accept 1.0 for an integer, as JSON Schema does."""
        if isinstance(value, dict) and len(value) > MAX_PROBLEMS:
            value = _limit_unknown(value, cls.model_fields)
        try:
            return handler(value)
        except ValidationError as error:
            integers = dict(_integral_floats(error))
            if not integers or not isinstance(value, dict):
                raise
            return handler({**value, **integers})


def _limit_unknown(value: dict[Any, Any], known: Container[str]) -> dict[Any, Any]:
    """Drop all but MAX_PROBLEMS unknown properties: to build an error for each takes time."""
    unknown = [key for key in value if key not in known]
    dropped = set(unknown[MAX_PROBLEMS:])
    return {key: item for key, item in value.items() if key not in dropped}


def _integral_floats(error: ValidationError) -> Iterator[tuple[Any, int]]:
    for one in error.errors(include_url=False, include_context=False):
        number, loc = one["input"], one["loc"]
        is_integral = isinstance(number, float) and number.is_integer()
        if one["type"] == "int_type" and is_integral and len(loc) == 1:
            yield loc[0], int(number)


def _describe_changes(schema: dict[str, Any]) -> None:
    _describe(schema)
    for described in schema.get("properties", {}).values():
        described.pop("default", None)


class Changes(Model):
    """Base class of all partial updates (RFC 7396). Omitted properties are unchanged.

    The fields have a default only so that they can be omitted. It is neither used nor documented.
    """

    model_config = {"json_schema_extra": _describe_changes}
