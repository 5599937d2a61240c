"""How values are kept, where SQLite and PostgreSQL would keep them differently."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Integer, Numeric, String, UnicodeText
from sqlalchemy.dialects.sqlite.base import ischema_names
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

SerialInteger = BigInteger().with_variant(Integer, "sqlite")
"""A key that the database counts up. SQLite does so for the type INTEGER alone."""


class Text(TypeDecorator[str]):
    """Text that compares by code point on every database."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """Name PostgreSQL's byte order; it is the only one that SQLite has."""
        collation = "C" if dialect.name == "postgresql" else None
        return dialect.type_descriptor(String(collation=collation))


class JsonValue(TypeDecorator[Any]):
    """JSON, kept as text: PostgreSQL's jsonb changes numbers, and SQLite columns called JSON do."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the type of the column."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(UnicodeText())
        return dialect.type_descriptor(JSON(none_as_null=True))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Write the text on SQLite."""
        return json.dumps(value) if dialect.name == "sqlite" and value is not None else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Read the text on SQLite."""
        return json.loads(value) if dialect.name == "sqlite" and value is not None else value


class DecimalAsInt(UserDefinedType[int]):
    """A column of SQLite that holds decimals as integers: 19.99 with two decimals is 1999.

    The catalogue keeps the number of digits, without which nobody could tell what a value means.
    `INT` in the name gives the column SQLite's integer affinity.
    """

    cache_ok = True

    def __init__(self, precision: int, scale: int) -> None:
        self.precision = precision
        self.scale = scale

    def get_col_spec(self, **_: Any) -> str:
        """Write the type as it stands in CREATE TABLE."""
        return f"DECIMAL_AS_INT({self.precision}, {self.scale})"

    def literal_processor(self, dialect: Dialect) -> Callable[[int], str]:
        """Write integers as they are."""
        del dialect
        return str


class ExactNumber(TypeDecorator[Decimal]):
    """A decimal with a fixed number of digits: NUMERIC, or on SQLite an integer of smallest units.

    SQLite's own NUMERIC is a binary float. Up to 18 digits fit into its 64-bit integer.
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, precision: int, scale: int) -> None:
        super().__init__(precision, scale)
        self.precision = precision
        self.scale = scale

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the type of the column."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(DecimalAsInt(self.precision, self.scale))
        return dialect.type_descriptor(Numeric(self.precision, self.scale))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Write the number of smallest units on SQLite."""
        if value is None or dialect.name != "sqlite":
            return value
        return int(value.scaleb(self.scale))

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Read the number of smallest units on SQLite."""
        if value is None or dialect.name != "sqlite":
            return value  # type: ignore[no-any-return]
        return Decimal(value).scaleb(-self.scale)


ischema_names["DECIMAL_AS_INT"] = ExactNumber  # what SQLAlchemy makes of the type when it reflects
