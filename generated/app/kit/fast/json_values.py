"""SQL expressions that encode values as JSON, to the same bytes as pydantic."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    Integer,
    Interval,
    LargeBinary,
    String,
    Time,
    Uuid,
    case,
    cast,
    func,
    literal_column,
    type_coerce,
)
from sqlmodel.sql.sqltypes import UTCDateTime

from ..database.columns import Text, value_handling

_BOTH = {Text, BigInteger, Boolean, Date, Time, UTCDateTime, Uuid}


class JsonText(String):
    """The type of an expression whose value is JSON text already."""


def can_encode(column: ColumnElement[Any], kind: str) -> bool:
    """Return whether a database writes the values of a column as pydantic does."""
    if _scale(column) is not None:
        return True
    if isinstance(column.type, LargeBinary):
        return kind == "postgresql" and value_handling(column.type).write is not None
    return type(column.type) in _BOTH or isinstance(column.type, JsonText)


def _scale(column: ColumnElement[Any]) -> int | None:
    """Return the number of decimals of a decimal column (see types/decimals.py)."""
    return getattr(column.type, "stored_scale", None)


def sqlite_json_argument(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return an argument of `json_object`, which writes integers and text, for SQLite.

    Dates and times are stored in the format of SQLAlchemy, as `2026-01-31 12:30:00.000000`.
    """
    scale = _scale(column)
    if scale is not None:
        return _sqlite_decimal(type_coerce(column, BigInteger()), scale)
    stored: ColumnElement[str] = type_coerce(column, String())
    match column.type:
        case Boolean():
            is_true, is_false = text_literal("true"), text_literal("false")
            return func.json(case((column, is_true), (~column, is_false)))
        case Time():
            return _replace_part(stored, ".000000", "")
        case UTCDateTime():
            iso = _replace_part(stored, " ", "T") + text_literal("Z")
            return _replace_part(iso, ".000000Z", "Z")
        case Uuid():
            groups = [_substring(stored, *group) for group in ((1, 8), (9, 4), (13, 4), (17, 4))]
            hyphen, written = text_literal("-"), _substring(stored, 21, 12)
            for group in reversed(groups):
                written = group + hyphen + written
            return written
        case _:
            return column


def _sqlite_decimal(units: ColumnElement[int], scale: int) -> ColumnElement[str]:
    """Return a scaled integer as text; an error if a value is no integer, and has lost digits."""
    factor, size = literal_column(str(10**scale), BigInteger()), func.abs(units)
    form = text_literal(f"%s%d.%0{scale}d" if scale else "%s%d")
    sign = case((units < literal_column("0", Integer()), text_literal("-")))
    parts = [size.op("/")(factor), size.op("%")(factor)] if scale else [size]
    written: ColumnElement[str] = case(
        {
            text_literal("integer"): func.printf(form, sign, *parts, type_=String()),
            text_literal("null"): literal_column("NULL", String()),
        },
        value=func.typeof(units),
        else_=func.abs(literal_column("-9223372036854775807 - 1", String())),  # integer overflow
    )
    return written


def postgresql_json_text(column: ColumnElement[Any]) -> ColumnElement[str]:
    """Return a value as JSON text, and NULL for null, for PostgreSQL."""
    match column.type:
        case JsonText():
            return column
        case BigInteger() | Boolean():
            return _cast_to_text(column)
        case Text() | Date():
            return _cast_to_text(func.to_json(column))
        case _:
            quote = text_literal('"')
            return quote + _postgresql_unescaped_text(column) + quote


def _postgresql_unescaped_text(column: ColumnElement[Any]) -> ColumnElement[str]:
    """Return the text of a column of any other type. None of its characters is escaped in JSON."""
    match column.type:
        case Time():
            clock = func.to_char(cast(column, Interval()), text_literal("HH24:MI:SS.US"))
            return _replace_part(clock, ".000000", "")
        case UTCDateTime():
            utc = func.timezone(text_literal("UTC"), column)
            iso = func.to_char(utc, text_literal('YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
            return _replace_part(iso, ".000000Z", "Z")
        case LargeBinary():
            lines = func.encode(column, text_literal("base64"))
            return func.replace(lines, func.chr(literal_column("10")), text_literal(""))
        case _:
            return _cast_to_text(column)


def _cast_to_text(column: ColumnElement[Any]) -> ColumnElement[str]:
    return cast(column, String())


def _quoted(text: ColumnElement[str]) -> ColumnElement[str]:
    quote = text_literal('"')
    return quote + text + quote


def _replace_part(text: ColumnElement[str], part: str, new: str) -> ColumnElement[str]:
    return func.replace(text, text_literal(part), text_literal(new), type_=String())


def _substring(text: ColumnElement[str], start: int, length: int) -> ColumnElement[str]:
    """Return `substr(text, start, length)`; the first character is number 1."""
    numbers = [literal_column(str(number), Integer()) for number in (start, length)]
    return func.substr(text, *numbers, type_=String())


def text_literal(constant: str) -> ColumnElement[str]:
    """Return a text as a literal of SQL."""
    escaped = constant.replace("'", "''")
    return literal_column(f"'{escaped}'", String())
