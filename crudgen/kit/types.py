"""Values that JSON has no type for: how they are read from text, and how they are written."""

import base64
import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
ZONE = r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
_ENDS = ("", "[A-Za-z0-9+/][AQgw]==", "[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=")
"""What 0, 1 and 2 bytes behind groups of 3 are in base64: the bits that are left over are zero."""
_ADDRESSABLE = re.compile(r"[^/.\x00-\x1f\x7f][^/\x00-\x1f\x7f]*")
NO_NUL = r"^[^\x00]*$"
UUID_TEXT = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def _spelled(kind: type, pattern: str, what: str) -> BeforeValidator:
    """Let text of one spelling pass to pydantic, which would also read numbers and looser text."""
    spelling = re.compile(pattern)

    def check(value: Any) -> Any:
        if isinstance(value, kind) or (isinstance(value, str) and spelling.fullmatch(value)):
            return value
        raise PydanticCustomError("text_form", "Input should be {what}", {"what": what})

    return BeforeValidator(check)


def _utc(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise PydanticCustomError("timezone_aware", "Input should have timezone info")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        message = "Input should be within the years 1 to 9999 in UTC"
        raise PydanticCustomError("datetime_range", message) from None


def _addressable(value: str) -> str:
    if not _ADDRESSABLE.fullmatch(value):
        message = "A key should hold no slash and no control character, nor start with a dot"
        raise PydanticCustomError("text_key", message)
    return value


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
            raise PydanticCustomError("finite_number", "Input should hold finite numbers only")
    return value


UtcDatetime = Annotated[
    datetime,
    Strict(False),
    AfterValidator(_utc),
    _spelled(
        datetime,
        f"{DATE}[Tt ]{TIME}{ZONE}",
        "a date and time with a zone, such as 2026-01-31T12:30:00Z, of at most 6 decimals",
    ),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment (RFC 3339), read in any zone, kept and written in UTC."""

IsoDate = Annotated[
    date,
    Strict(False),
    _spelled(date, DATE, "a date such as 2026-01-31"),
    WithJsonSchema({"type": "string", "format": "date"}),
]
"""A day (RFC 3339, full-date)."""

IsoTime = Annotated[
    time,
    Strict(False),
    _spelled(time, TIME, "a time of day without a zone, such as 12:30:00, of at most 6 decimals"),
    WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK}$"}),
]
"""A time of day without a zone (RFC 3339, partial-time)."""

UuidText = Annotated[
    UUID,
    Strict(False),
    _spelled(UUID, UUID_TEXT, "a UUID of 32 hexadecimal digits in 5 groups"),
    WithJsonSchema({"type": "string", "format": "uuid"}),
]
"""A UUID (RFC 9562) in its usual spelling."""


@dataclass(frozen=True, slots=True)
class Spelled:
    """Marks a value that is text in one spelling: pydantic would also read `1_0`, ` 1` and `on`."""

    pattern: str
    error: str
    """The type of pydantic's error for another spelling."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Look at the spelling, then read the value; JSON Schema describes the value."""
        value = handler(source)
        text = core_schema.custom_error_schema(
            core_schema.str_schema(pattern=self.pattern), custom_error_type=self.error
        )
        return core_schema.json_or_python_schema(value, core_schema.chain_schema([text, value]))


DIGITS = Spelled(r"^(0|-?[1-9][0-9]*)$", "int_parsing")
NUMBER = Spelled(r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$", "float_parsing")
TRUE_OR_FALSE = Spelled(r"^([tT]rue|[fF]alse)$", "bool_parsing")

IntText = Annotated[int, DIGITS]
"""An integer in a path or a query, spelled as in JSON: each has one spelling."""

TextKey = Annotated[str, AfterValidator(_addressable)]
"""Text that names a row in a URL: a slash would end it, and `.` and `..` would be resolved away."""


class _JsonText:
    """Describes JSON values by a definition that holds itself: no text in them has a NUL."""

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


Json = Annotated[Any, AfterValidator(_json), _JsonText()]
"""Any JSON value but null."""


@dataclass(frozen=True, slots=True)
class Exact:
    """Marks a Decimal of `precision` digits, `scale` of them behind the point: text in JSON."""

    precision: int
    scale: int
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Read the one spelling that loses nothing, then check the range."""
        number = core_schema.decimal_schema(
            max_digits=self.precision,
            decimal_places=self.scale,
            ge=self.minimum,
            le=self.maximum,
            strict=False,
        )
        what = f"text with a number such as {Decimal(0):.{self.scale}f}"
        return core_schema.no_info_before_validator_function(
            _spelled(Decimal, self.pattern, what).func,  # type: ignore[arg-type]
            number,
            serialization=core_schema.plain_serializer_function_ser_schema(
                write_decimal, return_schema=core_schema.str_schema(), when_used="json-unless-none"
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the text; JSON Schema has no range for it."""
        return {"type": "string", "format": "decimal", "pattern": f"^{self.pattern}$"}

    @property
    def pattern(self) -> str:
        """What the text looks like."""
        more = self.precision - self.scale - 1
        whole = "-?(0|[1-9]" + (f"[0-9]{{0,{more}}})" if more > 0 else ")")
        return rf"{whole}(\.[0-9]{{1,{self.scale}}})?" if self.scale else whole


@dataclass(frozen=True, slots=True)
class Base64:
    """Marks bytes that are base64 text in JSON (RFC 4648, section 4); sizes count the bytes."""

    max_length: int
    min_length: int = 0

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Decode text, then check the size."""
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
        """Describe the text, by how many bytes are left over behind groups of 3."""
        endings = [
            {"pattern": f"^([A-Za-z0-9+/]{{4}})*{end}$", "minLength": least, "maxLength": most}
            for left, end in enumerate(_ENDS)
            if (least := self._characters(self.min_length + 2, left))
            <= (most := self._characters(self.max_length, left))
        ]
        return {"type": "string", "contentEncoding": "base64", "anyOf": endings}

    @staticmethod
    def _characters(size: int, left: int) -> int:
        """Count the characters of up to `size` bytes, of which `left` are behind groups of 3."""
        return (size - left) // 3 * 4 + (4 if left else 0)


def read_base64(value: Any) -> bytes:
    """Decode base64 text; bytes pass."""
    if isinstance(value, bytes):
        return value
    decoded = _decode(value) if isinstance(value, str) else None
    # There is one way to write the bits that are left over behind the last byte.
    if decoded is None or write_base64(decoded) != value:
        raise PydanticCustomError("base64", "Input should be base64 text")
    return decoded


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def write_base64(value: bytes) -> str:
    """Encode bytes as base64 text."""
    return base64.b64encode(value).decode("ascii")


def write_decimal(value: Decimal) -> str:
    """Write a decimal without an exponent."""
    return format(value, "f")


def utc_now() -> datetime:
    """Return the current moment in UTC."""
    return datetime.now(UTC)


def utc_today() -> date:
    """Return the current day in UTC."""
    return utc_now().date()


def utc_time() -> time:
    """Return the current time of day in UTC."""
    return utc_now().time()
