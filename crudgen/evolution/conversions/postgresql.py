"""Conversions in PostgreSQL. Reason to change: a conversion there.

A cast of invalid text is an error, so conditions check the form of a text before they cast it:
CASE evaluates only the branch that it takes. The results do not depend on settings of the session
such as DateStyle and TimeZone.
"""

import re

from crudgen.evolution.changes import Conversion

from .stored_types import Converters, Kind, StoredType, Versions, constant_converter

_NAMES = {
    "character varying": Kind.TEXT,
    "bigint": Kind.INT,
    "double precision": Kind.FLOAT,
    "boolean": Kind.BOOL,
    "date": Kind.DATE,
    "time without time zone": Kind.TIME,
    "timestamp with time zone": Kind.DATETIME,
    "uuid": Kind.UUID,
    "json": Kind.JSON,
    "bytea": Kind.BYTES,
}
"""The types of the models."""
_OTHER_NAMES = {
    "text": Kind.TEXT,
    "integer": Kind.INT,
    "smallint": Kind.INT,
    "real": Kind.FLOAT,
    "jsonb": Kind.JSON,
}
"""Types of tables that other tools created."""
_NUMERIC = re.compile(r"numeric\(([0-9]+),([0-9]+)\)")
_VARCHAR = re.compile(r"character varying\([0-9]+\)")
_EXACT_INT = 2**53
"""The largest integer up to which a float has every integer."""
_MIN, _MAX = -(2**63), 2**63 - 1


def stored_type(name: str, *, is_live: bool = False) -> StoredType | None:
    """Return what a type of the catalogue stores, or None if it is not known."""
    if match := _NUMERIC.fullmatch(name):
        return StoredType(Kind.DECIMAL, int(match[1]), int(match[2]))
    kind = _NAMES.get(name)
    if kind is None and is_live:
        kind = Kind.TEXT if _VARCHAR.fullmatch(name) else _OTHER_NAMES.get(name)
    return None if kind is None else StoredType(kind)


def keeps_stored_values(before: StoredType, after: StoredType) -> bool:
    """Return whether PostgreSQL changes the type without rewriting the rows."""
    if before.kind is Kind.DECIMAL and after.kind is Kind.DECIMAL:
        return before.scale == after.scale and before.precision <= after.precision
    return before == after and before.kind is Kind.TEXT


def _condition_if_form(form: str, condition: str) -> str:
    """Return a condition that is evaluated only for values of a form."""
    return f"CASE WHEN {form} THEN {condition} ELSE false END"


def _matches_condition(pattern: str) -> str:
    """Return the condition that a text matches a pattern; `#` is a digit."""
    return f"{{value}} ~ '^{pattern.replace('#', '[0-9]')}$'"


# Text → other types

_MONTH = "(0[1-9]|1[0-2])"
_DAY = "(0[1-9]|[12]#|3[01])"
_TIME = f"([01]#|2[0-3]):[0-5]#:[0-5]#([.]#{'#?' * 5})?"
_ON_A_DAY = (
    "left({value}, 4) <> '0000' AND substr({value}, 9, 2)::int <= extract(day FROM"
    " (left({value}, 7) || '-01')::date + interval '1 month' - interval '1 day')"
)
_HEX = "[0-9a-fA-F]"
_UUID = "-".join(_HEX * count for count in (8, 4, 4, 4, 12))
_NUMBER = "-?(0|[1-9]#*)([.]#+)?"
_TINY, _HUGE = "1e-300", "1e300"
_IS_JSON = _condition_if_form(
    "{value} IS JSON WITH UNIQUE KEYS",
    # In jsonb, every escape is a character, as in Python; a float in Python is finite.
    _condition_if_form(
        "pg_catalog.pg_input_is_valid({value}, 'jsonb')",
        "json_typeof({value}::json) <> 'null' AND NOT jsonb_path_exists({value}::jsonb,"
        ' \'$.** ? (@.type() == "number"'
        " && (@ > 1.7976931348623157e308 || @ < -1.7976931348623157e308))')",
    ),
)


def _text_to_decimal(_: StoredType, after: StoredType) -> Conversion:
    places = after.scale
    fraction = f"([.]#{'#?' * (places - 1)})?" if places else ""
    return Conversion(
        _numeric_cast("{value}::numeric", after),
        _condition_if_form(
            _matches_condition(f"-?(0|[1-9]#*){fraction}"),
            f"abs({{value}}::numeric) < {10**after.before_point}",
        ),
    )


def _numeric_cast(value: str, kind: StoredType) -> str:
    return f"({value})::numeric({kind.precision}, {kind.scale})"


_SHORTEST = "{value}::text::numeric"
"""The number that PostgreSQL prints for a float."""

# Numbers


def _fits_condition(number: str, after: StoredType) -> str:
    """Return the condition that a number fits into the digits of a decimal."""
    return f"round({number}, {after.scale}) = {number} AND abs({number}) < {10**after.before_point}"


def _int_to_decimal(_: StoredType, after: StoredType) -> Conversion:
    most = 10**after.before_point - 1
    return Conversion(_numeric_cast("{value}", after), f"{{value}} BETWEEN {-most} AND {most}")


def _decimal_to_int(before: StoredType, _: StoredType) -> Conversion:
    return Conversion("{value}::bigint", "{value} = trunc({value})" if before.scale else None)


def _decimal_to_decimal(before: StoredType, after: StoredType) -> Conversion:
    loses = before.scale > after.scale or before.before_point > after.before_point
    return Conversion(
        _numeric_cast("{value}", after), _fits_condition("{value}", after) if loses else None
    )


def _float_to_decimal(_: StoredType, after: StoredType) -> Conversion:
    return Conversion(
        _numeric_cast(_SHORTEST, after),
        _condition_if_form(f"abs({{value}}) < {_HUGE}", f"{_fits_condition(_SHORTEST, after)}"),
    )


CONVERSIONS: Converters = {
    (Kind.TEXT, Kind.INT): constant_converter(
        "{value}::bigint",
        _condition_if_form(
            _matches_condition("(0|-?[1-9]#*)"), f"{{value}}::numeric BETWEEN {_MIN} AND {_MAX}"
        ),
    ),
    (Kind.TEXT, Kind.FLOAT): constant_converter(
        "{value}::double precision",
        _condition_if_form(
            _matches_condition(f"{_NUMBER}([eE][+-]?##?)?"),
            _condition_if_form(
                f"{{value}}::numeric = 0 OR abs({{value}}::numeric) BETWEEN {_TINY} AND {_HUGE}",
                "{value}::double precision::text::numeric = {value}::numeric",
            ),
        ),
    ),
    (Kind.TEXT, Kind.DECIMAL): _text_to_decimal,
    (Kind.TEXT, Kind.BOOL): constant_converter("{value}::boolean", "{value} IN ('true', 'false')"),
    (Kind.TEXT, Kind.DATE): constant_converter(
        "{value}::date", _condition_if_form(_matches_condition(f"####-{_MONTH}-{_DAY}"), _ON_A_DAY)
    ),
    (Kind.TEXT, Kind.TIME): constant_converter("{value}::time", _matches_condition(_TIME)),
    (Kind.TEXT, Kind.DATETIME): constant_converter(
        "{value}::timestamptz",
        _condition_if_form(
            _matches_condition(f"####-{_MONTH}-{_DAY}[Tt ]{_TIME}([zZ]|[+]00:00)"), _ON_A_DAY
        ),
    ),
    (Kind.TEXT, Kind.UUID): constant_converter("{value}::uuid", _matches_condition(_UUID)),
    (Kind.TEXT, Kind.JSON): constant_converter("{value}::json", _IS_JSON),
    (Kind.INT, Kind.TEXT): constant_converter("{value}::text"),
    (Kind.FLOAT, Kind.TEXT): constant_converter(
        f"regexp_replace({_SHORTEST}::text, '^([^.]*)$', '\\1.0')",
        "({value} = 0 AND {value}::text <> '-0')"
        " OR (abs({value}) >= 0.0001 AND abs({value}) < 1e16)",
    ),
    (Kind.DECIMAL, Kind.TEXT): constant_converter("{value}::text"),
    (Kind.BOOL, Kind.TEXT): constant_converter("{value}::text"),
    (Kind.DATE, Kind.TEXT): constant_converter("to_char({value}, 'YYYY-MM-DD')"),
    (Kind.TIME, Kind.TEXT): constant_converter(
        "regexp_replace(to_char({value}, 'HH24:MI:SS.US'), '[.]000000$', '')"
    ),
    (Kind.DATETIME, Kind.TEXT): constant_converter(
        "regexp_replace(to_char({value} AT TIME ZONE 'UTC',"
        """ 'YYYY-MM-DD"T"HH24:MI:SS.US'), '[.]000000$', '') || 'Z'"""
    ),
    (Kind.UUID, Kind.TEXT): constant_converter("{value}::text"),
    (Kind.JSON, Kind.TEXT): constant_converter("{value}::text"),
    (Kind.INT, Kind.FLOAT): constant_converter(
        "{value}::double precision", f"{{value}} BETWEEN {-_EXACT_INT} AND {_EXACT_INT}"
    ),
    (Kind.INT, Kind.DECIMAL): _int_to_decimal,
    (Kind.INT, Kind.BOOL): constant_converter("{value} = 1", "{value} IN (0, 1)"),
    (Kind.BOOL, Kind.INT): constant_converter("{value}::int::bigint"),
    (Kind.FLOAT, Kind.INT): constant_converter(
        "{value}::bigint",
        f"{{value}} >= {_MIN} AND {{value}} < {_MAX + 1} AND {{value}} = trunc({{value}})",
    ),
    (Kind.FLOAT, Kind.DECIMAL): _float_to_decimal,
    (Kind.DECIMAL, Kind.INT): _decimal_to_int,
    (Kind.DECIMAL, Kind.FLOAT): constant_converter(
        "{value}::double precision", "{value}::double precision::text::numeric = {value}"
    ),
    (Kind.DECIMAL, Kind.DECIMAL): _decimal_to_decimal,
    (Kind.DATE, Kind.DATETIME): constant_converter("{value}::timestamp AT TIME ZONE 'UTC'"),
    (Kind.DATETIME, Kind.DATE): constant_converter(
        "({value} AT TIME ZONE 'UTC')::date",
        "date_trunc('day', {value} AT TIME ZONE 'UTC') = {value} AT TIME ZONE 'UTC'",
    ),
}
"""The conversions, by the kinds before and after."""
SINCE: Versions = {(Kind.TEXT, Kind.JSON): 16}
"""The first major versions of PostgreSQL that have a conversion; else all have it."""
