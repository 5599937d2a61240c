"""Decimals with a fixed number of digits: a string in JSON, a scaled integer on SQLite."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema
from sqlalchemy import BigInteger, Dialect, Numeric
from sqlalchemy.dialects.sqlite.base import ischema_names
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from .decimal_expressions import reject_inexact_expressions
from .json_number import JsonNumber
from .text_form import text_form
from .value_types import VALUE_TYPES, ValueHandling

_MAX_NUMBER = 40
"""Maximum length of a number in a JSON body. Without needless zeros, at most 24 are needed."""
_FACTORS = {operators.mul, operators.truediv, operators.floordiv, operators.mod}
_EXACT = Context(prec=1000)
"""Computes with all digits of a value."""


@dataclass(frozen=True, slots=True)
class Exact:
    """Marks a Decimal of `precision` digits, `scale` of them after the point. JSON: a string."""

    precision: int
    scale: int
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the schema that accepts decimal notation and exact numbers of a JSON body.

        It then checks digits and range.
        """
        number = core_schema.decimal_schema(
            max_digits=self.precision,
            decimal_places=self.scale,
            ge=self.minimum,
            le=self.maximum,
            strict=False,
        )
        what = f"a number such as {Decimal(0):.{self.scale}f}, or a string with one: {self._digits}"
        return core_schema.no_info_before_validator_function(
            _exact_number(text_form(Decimal, self.pattern, what)),
            number,
            serialization=core_schema.plain_serializer_function_ser_schema(
                write_decimal, return_schema=core_schema.str_schema(), when_used="json-unless-none"
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the JSON schema of the string. It cannot express the range."""
        return {"type": "string", "pattern": f"^{self.pattern}$"}

    @property
    def _digits(self) -> str:
        """The numbers of digits that are allowed, for messages."""
        before, after = self.precision - self.scale, self.scale
        if not after:
            return f"up to {_digit_count(before)}"
        integer = f"up to {_digit_count(before)}" if before else "0"
        return f"{integer} before the point, and up to {after} after it"

    @property
    def pattern(self) -> str:
        """Regular expression of the string."""
        more = self.precision - self.scale - 1
        integer = "-?(0|[1-9]" + (f"[0-9]{{0,{more}}})" if more > 0 else ")")
        return rf"{integer}(\.[0-9]{{1,{self.scale}}})?" if self.scale else integer


def _exact_number(read_text: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a validator that converts numbers of a JSON body, and validates other values."""

    def read(value: Any) -> Any:
        if type(value) is int:
            return Decimal(value)
        if not isinstance(value, JsonNumber) or len(value.text) > _MAX_NUMBER:
            return read_text(value)
        if value:
            return Decimal(value.text)
        # Zero may have any exponent, and a float may be zero only because its exponent is too low.
        return read_text(value) if re.match("[-0.]*[1-9]", value.text) else Decimal(0)

    return read


def write_decimal(value: Decimal) -> str:
    """Return a decimal as text without an exponent."""
    return format(value, "f")


class DecimalAsInt(UserDefinedType[int]):
    """The type of a SQLite column that stores decimals as integers: 19.99 is stored as 1999.

    The name of the type contains the number of digits, so that the catalogue documents the values.
    `INT` in the name gives the column SQLite's integer affinity.
    """

    cache_ok = True

    def __init__(self, precision: int, scale: int) -> None:
        self.precision = precision
        self.scale = scale

    def get_col_spec(self, **_: Any) -> str:
        """Return the type as written in CREATE TABLE."""
        return f"DECIMAL_AS_INT({self.precision}, {self.scale})"

    def literal_processor(self, dialect: Dialect) -> Callable[..., str]:
        """Return the function that formats integers."""
        del dialect
        return str


class ExactNumber(TypeDecorator[Decimal]):
    """A decimal with a fixed number of digits: NUMERIC on PostgreSQL, a scaled integer on SQLite.

    SQLite's NUMERIC is a binary float. Up to 18 digits fit into its 64-bit integer. Expressions
    that it could not compute exactly are rejected (see decimal_expressions.py).
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, precision: int, scale: int) -> None:
        super().__init__(precision, scale)
        self.precision = precision
        self.scale = self.stored_scale = scale

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the column: an integer on SQLite, NUMERIC on PostgreSQL."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(DecimalAsInt(self.precision, self.scale))
        return dialect.type_descriptor(Numeric(self.precision, self.scale))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Return the value for the driver: a scaled integer on SQLite.

        Raises ValueError if the value has too many digits, and TypeError if it is not a number.
        """
        if value is None:
            return None
        number = value if type(value) is Decimal else _read_number(value)
        if not number.is_finite():
            raise ValueError(f"{number} is not a finite number")
        scaled = number.scaleb(self.scale, _EXACT)
        integer = int(scaled)
        if integer != scaled or abs(integer) >= 10**self.precision:
            limit = f"{self.precision} digits, {self.scale} of them after the point"
            raise ValueError(f"{number} does not fit into {limit}: round it")
        return integer if dialect.name == "sqlite" else number

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        """Return the type of the other operand: factors and divisors are not scaled."""
        if op in _FACTORS:
            is_integer = isinstance(value, int) and not isinstance(value, bool)
            return BigInteger() if is_integer else Numeric()
        return self

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Return the decimal of a stored value: a scaled integer on SQLite."""
        if value is None or dialect.name != "sqlite":
            return value  # type: ignore[no-any-return]
        if not isinstance(value, int):
            raise OverflowError(f"{value!r} is not a scaled integer: it has lost digits")
        return Decimal(value).scaleb(-self.scale)


def _digit_count(digits: int) -> str:
    return "1 digit" if digits == 1 else f"{digits} digits"


def _read_number(value: Any) -> Decimal:
    """Return an int, float or text as a Decimal. A float is the number that Python prints."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float | str):
        raise TypeError(f"{value!r} is not a decimal")
    try:
        return Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a decimal") from None


reject_inexact_expressions()
ischema_names["DECIMAL_AS_INT"] = ExactNumber  # for SQLAlchemy's reflection of tables
VALUE_TYPES[Decimal] = ValueHandling(
    lambda column_type: Annotated[Decimal, Exact(column_type.precision, column_type.scale)],
    write_decimal,
)
