"""The type of a property that takes any JSON value."""

import math
from typing import Annotated, Any

from pydantic import AfterValidator, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from .types import NO_NUL


def _json(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("json_null", "Input should not be null")
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending += item.values()
        elif isinstance(item, list):
            pending += item
        elif isinstance(item, float) and not math.isfinite(item):
            raise PydanticCustomError("finite_number", "Input should contain finite numbers only")
    return value


class _JsonSchema:
    """Describes any JSON value by a recursive schema, in which no string contains NUL."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        item = core_schema.any_schema(
            ref="JsonItem", metadata={"pydantic_js_functions": [_describe_item]}
        )
        described = handler(core_schema.definitions_schema(_ITEM, [item]))
        return _json_schema(described, "boolean", "number", "string", "array", "object")


_ITEM = core_schema.definition_reference_schema("JsonItem")


def _describe_item(_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
    described = {"$ref": handler(core_schema.list_schema(_ITEM))["items"]["$ref"]}
    return _json_schema(described, "null", "boolean", "number", "string", "array", "object")


def _json_schema(item: JsonSchemaValue, *types: str) -> JsonSchemaValue:
    return {
        "type": list(types),
        "pattern": NO_NUL,
        "items": item,
        "propertyNames": {"pattern": NO_NUL},
        "additionalProperties": item,
    }


Json = Annotated[Any, AfterValidator(_json), _JsonSchema()]
"""Any JSON value except null."""
