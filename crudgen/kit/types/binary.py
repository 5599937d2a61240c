"""Bytes as base64 text (RFC 4648)."""

import base64
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from .value_types import VALUE_TYPES, ValueHandling

_ENDS = ("", "[A-Za-z0-9+/][AQgw]==", "[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=")
"""How base64 text ends if 0, 1 or 2 bytes follow the groups of 3. The unused bits are zero."""


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
        """Return the JSON schema: an alternative for each number of bytes after the groups of 3."""
        endings = [
            {"pattern": f"^([A-Za-z0-9+/]{{4}})*{end}$", "minLength": least, "maxLength": most}
            for left, end in enumerate(_ENDS)
            if (least := self._characters(self.min_length + 2, left))
            <= (most := self._characters(self.max_length, left))
        ]
        return {"type": "string", "contentEncoding": "base64", "anyOf": endings}

    @staticmethod
    def _characters(size: int, left: int) -> int:
        """Return the base64 length of the most bytes up to `size` that are `left` modulo 3."""
        return (size - left) // 3 * 4 + (4 if left else 0)


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
