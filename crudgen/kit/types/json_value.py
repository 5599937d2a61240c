"""The type of properties that contain any JSON value, and of their columns."""

import json
import math
from typing import Annotated, Any

from pydantic import AfterValidator, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from sqlalchemy import JSON, Dialect, UnicodeText
from sqlalchemy.types import TypeDecorator, TypeEngine

from .text import NO_NUL
from .value_types import VALUE_TYPES, ValueHandling


def _check_json(value: Any) -> Any:
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


Json = Annotated[Any, AfterValidator(_check_json), _JsonSchema()]
"""Any JSON value except null."""


class JsonValue(TypeDecorator[Any]):
    """A column of JSON text: PostgreSQL's `jsonb` and SQLite's JSON columns change numbers."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the column: text on SQLite, `json` on PostgreSQL."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(UnicodeText())
        return dialect.type_descriptor(JSON(none_as_null=True))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Return the value for the driver: JSON text on SQLite."""
        return json.dumps(value) if dialect.name == "sqlite" and value is not None else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the JSON value of a stored value: text on SQLite."""
        return json.loads(value) if dialect.name == "sqlite" and value is not None else value


VALUE_TYPES[object] = ValueHandling(is_comparable=False)
