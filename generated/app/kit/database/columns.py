"""Column types that store values in the same way on SQLite and PostgreSQL."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Integer, String
from sqlalchemy.types import TypeDecorator, TypeEngine

from ..types.value_types import VALUE_TYPES, ValueHandling

SerialInteger = BigInteger().with_variant(Integer, "sqlite")
"""An integer key that the database generates. SQLite does so only for the type INTEGER."""


class Text(TypeDecorator[str]):
    """Text that is compared by code point on both databases."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """Return the column type, on PostgreSQL with the collation "C", as SQLite's default."""
        collation = "C" if dialect.name == "postgresql" else None
        return dialect.type_descriptor(String(collation=collation))


def python_type(column_type: TypeEngine[Any]) -> type:
    """Return the Python type of the values of a column; `object` if its type names none."""
    return _named_type(column_type) or object


def _named_type(column_type: TypeEngine[Any]) -> type | None:
    if isinstance(column_type, TypeDecorator):
        column_type = column_type.impl_instance
    try:
        named = column_type.python_type
    except NotImplementedError:
        return None
    # That of JSON is `object`, as any value can be in it, and that of a user-defined type too.
    return None if named is object and not isinstance(column_type, JSON) else named


def value_handling(column_type: TypeEngine[Any]) -> ValueHandling:
    """Return how query parameters with values of a type are parsed, and how JSON contains them."""
    named = _named_type(column_type)
    return _BUILT_IN if named is None else VALUE_TYPES.get(named, _BUILT_IN)


_BUILT_IN = ValueHandling()
