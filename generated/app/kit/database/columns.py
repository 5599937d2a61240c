"""Column types that store values in the same way on SQLite and PostgreSQL."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Integer, Numeric, String, UnicodeText
from sqlalchemy.dialects.sqlite.base import ischema_names
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

SerialInteger = BigInteger().with_variant(Integer, "sqlite")
"""An integer key that the database generates. SQLite does so only for the type INTEGER."""


class Text(TypeDecorator[str]):
    """Text that is compared by code point on both databases."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """Use the collation "C" on PostgreSQL; it is SQLite's default."""
        collation = "C" if dialect.name == "postgresql" else None
        return dialect.type_descriptor(String(collation=collation))


class JsonValue(TypeDecorator[Any]):
    """JSON, stored as text: PostgreSQL's jsonb and SQLite's JSON columns change numbers."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the column."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(UnicodeText())
        return dialect.type_descriptor(JSON(none_as_null=True))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Encode the text on SQLite."""
        return json.dumps(value) if dialect.name == "sqlite" and value is not None else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Decode the text on SQLite."""
        return json.loads(value) if dialect.name == "sqlite" and value is not None else value


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

    SQLite's NUMERIC is a binary float. Up to 18 digits fit into its 64-bit integer.
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, precision: int, scale: int) -> None:
        super().__init__(precision, scale)
        self.precision = precision
        self.scale = scale

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the column."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(DecimalAsInt(self.precision, self.scale))
        return dialect.type_descriptor(Numeric(self.precision, self.scale))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Convert to a scaled integer on SQLite."""
        if value is None or dialect.name != "sqlite":
            return value
        return int(value.scaleb(self.scale))

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Convert from a scaled integer on SQLite."""
        if value is None or dialect.name != "sqlite":
            return value  # type: ignore[no-any-return]
        return Decimal(value).scaleb(-self.scale)


ischema_names["DECIMAL_AS_INT"] = ExactNumber  # for SQLAlchemy's reflection of tables
