"""Bytes as base64 text (RFC 4648)."""

import base64
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from .value_types import VALUE_TYPES, ValueHandling

BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"
"""Pattern of base64 text. If 1 or 2 bytes follow the groups of 3, the unused bits are zero."""


@dataclass(frozen=True, slots=True)
class Base64:
    """Marks bytes that are base64 text in JSON (RFC 4648, section 4). Lengths are in bytes."""

    max_length: int
    min_length: int = 0

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the schema that decodes the text, then checks the number of bytes."""
        size = core_schema.bytes_schema(min_length=self.min_length, max_length=self.max_length)
        return core_schema.no_info_before_validator_function(
            read_base64,
            size,
            serialization=core_schema.plain_serializer_function_ser_schema(
                write_base64, return_schema=core_schema.str_schema(), when_used="json-unless-none"
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the JSON schema of the text. Its lengths are multiples of 4 characters."""
        least, most = ((size + 2) // 3 * 4 for size in (self.min_length, self.max_length))
        length = {"minLength": least, "maxLength": most} if least else {"maxLength": most}
        return {"type": "string", "contentEncoding": "base64", "pattern": BASE64, **length}


def read_base64(value: Any) -> bytes:
    """Return the bytes of base64 text; return bytes unchanged."""
    if isinstance(value, bytes):
        return value
    decoded = _decode(value) if isinstance(value, str) else None
    # Encode again: b64decode ignores unused bits that are not zero.
    if decoded is None or write_base64(decoded) != value:
        raise PydanticCustomError("base64", "Input should be base64 text")
    return decoded


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def write_base64(value: bytes) -> str:
    """Return bytes as base64 text."""
    return base64.b64encode(value).decode("ascii")


VALUE_TYPES[bytes] = ValueHandling(write=write_base64, is_comparable=False)
