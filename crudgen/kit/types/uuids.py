"""UUIDs as text (RFC 9562)."""

from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator, Strict, WithJsonSchema

from .text_form import text_form
from .value_types import VALUE_TYPES, ValueHandling

UUID_TEXT = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

UuidText = Annotated[
    UUID,
    Strict(False),
    BeforeValidator(text_form(UUID, UUID_TEXT, "a UUID with 32 hexadecimal digits in 5 groups")),
    WithJsonSchema({"type": "string", "format": "uuid"}),
]
"""A UUID (RFC 9562) as 32 hexadecimal digits in 5 groups."""

VALUE_TYPES[UUID] = ValueHandling(lambda _column_type: UuidText)
