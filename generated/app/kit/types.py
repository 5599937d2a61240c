"""Property types that are strings in JSON: dates, UUIDs, decimals and bytes."""

import base64
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
"""How base64 text ends if 0, 1 or 2 bytes follow the groups of 3. The unused bits are zero."""
_ADDRESSABLE = re.compile(r"[^/.\x00-\x1f\x7f][^/\x00-\x1f\x7f]*")
NO_NUL = r"^[^\x00]*$"
UUID_TEXT = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def _spelled(kind: type, pattern: str, what: str) -> BeforeValidator:
    """Accept only text that matches a pattern; pydantic alone accepts numbers and more formats."""
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
        message = "A key should not contain a slash or control character, or start with a dot"
        raise PydanticCustomError("text_key", message)
    return value


UtcDatetime = Annotated[
    datetime,
    Strict(False),
    AfterValidator(_utc),
    _spelled(
        datetime,
        f"{DATE}[Tt ]{TIME}{ZONE}",
        "a date and time with an offset, such as 2026-01-31T12:30:00Z, with at most 6 decimals",
    ),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A date and time (RFC 3339), accepted with any offset, stored and returned in UTC."""

IsoDate = Annotated[
    date,
    Strict(False),
    _spelled(date, DATE, "a date such as 2026-01-31"),
    WithJsonSchema({"type": "string", "format": "date"}),
]
"""A date (RFC 3339, full-date)."""

IsoTime = Annotated[
    time,
    Strict(False),
    _spelled(
        time, TIME, "a time of day without an offset, such as 12:30:00, with at most 6 decimals"
    ),
    WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK}$"}),
]
"""A time of day without an offset (RFC 3339, partial-time)."""

UuidText = Annotated[
    UUID,
    Strict(False),
    _spelled(UUID, UUID_TEXT, "a UUID with 32 hexadecimal digits in 5 groups"),
    WithJsonSchema({"type": "string", "format": "uuid"}),
]
"""A UUID (RFC 9562) as 32 hexadecimal digits in 5 groups."""


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

TextKey = Annotated[str, AfterValidator(_addressable)]
"""A text key in a URL path. A slash would end it, and clients resolve `.` and `..`."""


@dataclass(frozen=True, slots=True)
class Exact:
    """Marks a Decimal with `precision` digits, `scale` of them decimals. In JSON it is a string."""

    precision: int
    scale: int
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Accept only decimal notation, then check the range."""
        number = core_schema.decimal_schema(
            max_digits=self.precision,
            decimal_places=self.scale,
            ge=self.minimum,
            le=self.maximum,
            strict=False,
        )
        what = f"a string with a number, such as {Decimal(0):.{self.scale}f}"
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
        """Describe the string. JSON Schema cannot express its range."""
        return {"type": "string", "format": "decimal", "pattern": f"^{self.pattern}$"}

    @property
    def pattern(self) -> str:
        """Regular expression of the string."""
        more = self.precision - self.scale - 1
        integer = "-?(0|[1-9]" + (f"[0-9]{{0,{more}}})" if more > 0 else ")")
        return rf"{integer}(\.[0-9]{{1,{self.scale}}})?" if self.scale else integer


@dataclass(frozen=True, slots=True)
class Base64:
    """Marks bytes that are base64 text in JSON (RFC 4648, section 4). Lengths count the bytes."""

    max_length: int
    min_length: int = 0

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Decode the text, then check the number of bytes."""
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
        """Describe the text, with one schema for each number of bytes after the groups of 3."""
        endings = [
            {"pattern": f"^([A-Za-z0-9+/]{{4}})*{end}$", "minLength": least, "maxLength": most}
            for left, end in enumerate(_ENDS)
            if (least := self._characters(self.min_length + 2, left))
            <= (most := self._characters(self.max_length, left))
        ]
        return {"type": "string", "contentEncoding": "base64", "anyOf": endings}

    @staticmethod
    def _characters(size: int, left: int) -> int:
        """Count the characters for up to `size` bytes, `left` of them after the groups of 3."""
        return (size - left) // 3 * 4 + (4 if left else 0)


def read_base64(value: Any) -> bytes:
    """Decode base64 text. Bytes are returned unchanged."""
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
    """Encode bytes as base64 text."""
    return base64.b64encode(value).decode("ascii")


def write_decimal(value: Decimal) -> str:
    """Format a decimal without an exponent."""
    return format(value, "f")


def utc_now() -> datetime:
    """Return the current date and time in UTC."""
    return datetime.now(UTC)


def utc_today() -> date:
    """Return the current date in UTC."""
    return utc_now().date()


def utc_time() -> time:
    """Return the current time of day in UTC."""
    return utc_now().time()
