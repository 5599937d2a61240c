"""Integers, numbers and booleans in a path or a query, in the syntax of JSON."""

from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetPydanticSchema, WithJsonSchema
from pydantic_core import CoreSchema, core_schema


def _text_matching(pattern: str, error: str) -> GetPydanticSchema:
    """Return metadata for `Annotated`: text must match the pattern, or raises this error type.

    pydantic alone also accepts `1_0`, ` 1` and `on`. The JSON schema is that of the value.
    """
    text = core_schema.custom_error_schema(
        core_schema.str_schema(pattern=pattern), custom_error_type=error
    )

    def parse(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        value = handler(source)
        return core_schema.json_or_python_schema(value, core_schema.chain_schema([text, value]))

    return GetPydanticSchema(parse)


DIGITS = _text_matching(r"^(0|-?[1-9][0-9]*)$", "int_parsing")
NUMBER = _text_matching(r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$", "float_parsing")
TRUE_OR_FALSE = _text_matching(r"^([tT]rue|[fF]alse)$", "bool_parsing")

IntText = Annotated[int, DIGITS, WithJsonSchema({"type": "integer", "format": "int64"})]
"""An integer in a path or a query, in JSON syntax: each integer has exactly one form."""
