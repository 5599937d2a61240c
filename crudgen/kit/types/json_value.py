"""The type of properties that contain any JSON value, and of their columns."""

import json
import math
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from sqlalchemy import JSON, Dialect, UnicodeText
from sqlalchemy.types import TypeDecorator, TypeEngine

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


Json = Annotated[Any, AfterValidator(_check_json), WithJsonSchema({})]
"""Any JSON value except null. Its schema is `{}`: typed clients lack recursive types."""


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
