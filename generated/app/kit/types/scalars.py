"""Integers, numbers and booleans in a path or a query, in the syntax of JSON."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class Spelled:
    """Marks a value that is parsed from text of one format.

    pydantic alone also accepts `1_0`, ` 1` and `on`.
    """

    pattern: str
    error: str
    """The type of the pydantic error for text of another format."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check the format, then parse the value. The JSON schema is that of the value."""
        value = handler(source)
        text = core_schema.custom_error_schema(
            core_schema.str_schema(pattern=self.pattern), custom_error_type=self.error
        )
        return core_schema.json_or_python_schema(value, core_schema.chain_schema([text, value]))


DIGITS = Spelled(r"^(0|-?[1-9][0-9]*)$", "int_parsing")
NUMBER = Spelled(r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$", "float_parsing")
TRUE_OR_FALSE = Spelled(r"^([tT]rue|[fF]alse)$", "bool_parsing")

IntText = Annotated[int, DIGITS]
"""An integer in a path or a query, in JSON syntax: each integer has exactly one form."""
