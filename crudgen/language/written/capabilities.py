"""Values of keys about capabilities. Reason to change: another key with words of its own."""

from typing import Annotated, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from crudgen.language.capabilities import McpUse
from crudgen.language.yaml.nodes import YamlValue

from .value_types import Flag, describe_value, flag_remedy

AdminPage: TypeAlias = Annotated[
    Flag,
    Field(description="Whether there is an admin page at /admin, for the callers of 'auth'."),
]
_WORDS = ("true", "false", str(McpUse.READ_ONLY))


def _read_mcp(value: YamlValue) -> McpUse | None:
    if isinstance(value, bool):
        return McpUse.FULL if value else None
    if value == McpUse.READ_ONLY:
        return McpUse.READ_ONLY
    context = {
        "problem": f"expected true, false or read_only, found {describe_value(value)}",
        "remedy": flag_remedy(value, _WORDS),
    }
    raise PydanticCustomError("spec", "{problem}", context)


McpWord: TypeAlias = Annotated[
    McpUse | None,
    PlainValidator(_read_mcp),
    WithJsonSchema(
        {
            "enum": [True, False, str(McpUse.READ_ONLY)],
            "errorMessage": "Expected true, false or read_only.",
        }
    ),
]
