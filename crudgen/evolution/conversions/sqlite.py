"""Conversions in SQLite, which has no regular expressions. Reason to change: a conversion there.

`CAST` accepts any text: `CAST('12x' AS INTEGER)` is 12. Functions and GLOB read a text up to the
first NUL. So each condition checks the form of the text.
"""

import re

from crudgen.evolution.changes import Conversion

from .stored_types import Converters, Kind, StoredType, Versions, constant_converter

_NAMES = {
    "VARCHAR": Kind.TEXT,
    "TEXT": Kind.JSON,  # or text, if another tool declared it; both have the same form
    "BIGINT": Kind.INT,
    "INTEGER": Kind.INT,
    "FLOAT": Kind.FLOAT,
    "BOOLEAN": Kind.BOOL,
    "DATE": Kind.DATE,
    "TIME": Kind.TIME,
    "DATETIME": Kind.DATETIME,
    "CHAR(32)": Kind.UUID,
    "BLOB": Kind.BYTES,
}
"""The types of the models."""
_OTHER_NAMES = {"INT": Kind.INT, "REAL": Kind.FLOAT, "DOUBLE": Kind.FLOAT}
"""Types of tables that other tools created."""
_DECIMAL = re.compile(r"DECIMAL_AS_INT\(([0-9]+), ([0-9]+)\)")
_VARCHAR = re.compile(r"VARCHAR\([0-9]+\)")
_EXACT_INT = 2**53
"""The largest integer up to which a float has every integer."""
_EXACT_DIGITS = 15
"""The number of digits up to which a float has every decimal."""


def stored_type(name: str, *, is_live: bool = False) -> StoredType | None:
    """Return what a type of the catalogue stores, or None if it is not known."""
    if match := _DECIMAL.fullmatch(name):
        return StoredType(Kind.DECIMAL, int(match[1]), int(match[2]))
    kind = _NAMES.get(name)
    if kind is None and is_live:
        kind = Kind.TEXT if _VARCHAR.fullmatch(name) else _OTHER_NAMES.get(name)
    return None if kind is None else StoredType(kind)


def keeps_stored_values(before: StoredType, after: StoredType) -> bool:
    """Return whether all values are stored in the same way before and after."""
    return before == after or (before.kind, after.kind) in {
        (Kind.JSON, Kind.TEXT),
        (Kind.BOOL, Kind.INT),
    }


def _digits_pattern(glob: str) -> str:
    """Return a GLOB pattern with a digit for each `#`."""
    return glob.replace("#", "[0-9]")


def _text_condition(*conditions: str) -> str:
    """Return the condition that a text has no NUL, and meets all of the conditions."""
    checks = " AND ".join(f"({condition})" for condition in conditions)
    return f"instr({{value}}, char(0)) = 0 AND {checks}"


def _below_condition(integer: str, limit: int) -> str:
    """Return the condition `|integer| < limit`, without `abs`, which fails for -2^63."""
    return f"{integer} BETWEEN {1 - limit} AND {limit - 1}"


def _power_of_ten(exponent: str, most: int) -> str:
    """Return an integer expression; `most` is the largest exponent."""
    return f"CAST('1' || substr('{'0' * most}', 1, {exponent}) AS INTEGER)"


# Text → other types

_UNSIGNED = "CASE WHEN substr({value}, 1, 1) = '-' THEN substr({value}, 2) ELSE {value} END"
_DECIMALS = "max(length({value}) - instr({value} || '.', '.'), 0)"
"""The number of digits after the point."""
_NUMBER = (
    f"({_UNSIGNED}) NOT GLOB '*[^0-9.]*'",
    f"({_UNSIGNED}) GLOB '[0-9]*' AND {{value}} GLOB '*[0-9]'",
    f"({_UNSIGNED}) NOT GLOB '0[0-9]*'",
    "length({value}) - length(replace({value}, '.', '')) <= 1",
)
"""The conditions that a text is a number without an exponent."""
_WITHOUT_POINT = "CAST(replace({value}, '.', '') AS INTEGER)"
_HEX = "[0-9a-fA-F]"
_UUID = "-".join(_HEX * count for count in (8, 4, 4, 4, 12))
# With a modifier, date() gives 2026-03-02 for 2026-02-30; else it gives the text.
_ON_A_DAY = "date(substr({value}, 1, 10), '+0 days') = substr({value}, 1, 10) AND {value} >= '0001'"
_UTC = "({value} GLOB '*[zZ]' OR {value} GLOB '*+00:00')"
_CLOCK = "CASE WHEN {value} GLOB '*+00:00' THEN substr({value}, 12, length({value}) - 17)"
_CLOCK += " ELSE substr({value}, 12, length({value}) - 12) END"


def _clock_conditions(clock: str) -> tuple[str, str]:
    """Return the conditions that a text is a time of day."""
    hour = f"{clock} GLOB '{_digits_pattern('[01]#:[0-5]#:[0-5]#')}*'"
    late = f"{clock} GLOB '{_digits_pattern('2[0-3]:[0-5]#:[0-5]#')}*'"
    fraction = f"{clock} GLOB '????????.[0-9]*' AND substr({clock}, 10) NOT GLOB '*[^0-9]*'"
    return f"{hour} OR {late}", (
        f"length({clock}) = 8 OR {fraction} AND length({clock}) BETWEEN 10 AND 15"
    )


def _with_microseconds(clock: str) -> str:
    """Return a time of day with six digits after the point."""
    return f"substr({clock}, 1, 8) || '.' || substr(substr({clock}, 10) || '000000', 1, 6)"


def _without_microseconds(value: str, point: int) -> str:
    """Return a time without microseconds that are zero; `point` is the position of the point."""
    return (
        f"CASE substr({value}, {point}) WHEN '.000000' THEN substr({value}, 1, {point - 1})"
        f" ELSE {value} END"
    )


def _text_to_decimal(_: StoredType, after: StoredType) -> Conversion:
    before_point = f"instr(({_UNSIGNED}) || '.', '.') - 1"
    # A text such as 0.5 fits even if no digit is before the point.
    fits = f"{before_point} <= {after.before_point} OR ({_UNSIGNED}) GLOB '0*'"
    zeros = "0" * after.scale
    return Conversion(
        f"CAST(replace({{value}}, '.', '') || substr('{zeros}', {_DECIMALS} + 1) AS INTEGER)",
        _text_condition(*_NUMBER, fits, f"{_DECIMALS} <= {after.scale}"),
    )


_TEXT_TO_FLOAT = (
    # The division of two exact numbers is rounded once; CAST could round twice.
    f"{_WITHOUT_POINT} * 1.0 / {_power_of_ten(_DECIMALS, _EXACT_DIGITS)}",
    _text_condition(
        *_NUMBER,
        f"{_below_condition(_WITHOUT_POINT, 10**_EXACT_DIGITS)} AND {_DECIMALS} <= {_EXACT_DIGITS}",
    ),
)
_IS_JSON = (
    "CASE WHEN json_valid({value}) THEN json_type({value}) <> 'null'"
    " AND NOT EXISTS (SELECT 1 FROM json_tree({value}) WHERE type IN ('integer', 'real')"
    " AND atom NOT BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308)"
    # Half a surrogate pair is not a character.
    " AND ({value} NOT GLOB '*\\u[dD]*' OR NOT EXISTS (SELECT 1 FROM json_tree({value})"
    " WHERE hex(coalesce(key, '')) GLOB '*ED[AB]*'"
    " OR type = 'text' AND hex(atom) GLOB '*ED[AB]*'))"
    " AND NOT EXISTS (SELECT 1 FROM json_tree({value}) WHERE key IS NOT NULL"
    " GROUP BY parent, key HAVING count(*) > 1) ELSE 0 END"
)

# Other types → text


def _decimal_to_text(before: StoredType, _: StoredType) -> Conversion:
    factor, scale = 10**before.scale, before.scale
    parts = f"abs({{value}}) / {factor}, abs({{value}}) % {factor}"
    form = f"'%s%d.%0{scale}d'" if scale else "'%s%d'"
    sign = "CASE WHEN {value} < 0 THEN '-' ELSE '' END"
    arguments = parts if scale else "abs({value})"
    return Conversion(
        f"CASE WHEN {{value}} IS NOT NULL THEN printf({form}, {sign}, {arguments}) END"
    )


_FLOAT_TEXT = "CAST({value} AS TEXT)"
_FLOAT_DIGITS = f"CAST(replace({_FLOAT_TEXT}, '.', '') AS INTEGER)"
_FLOAT_DECIMALS = f"length({_FLOAT_TEXT}) - instr({_FLOAT_TEXT}, '.')"
_FLOAT_SURVIVES = (
    # SQLite prints 15 digits: the text must be the same number, exactly.
    f"CASE WHEN {_FLOAT_TEXT} GLOB '*[0-9].[0-9]*' AND {_FLOAT_TEXT} NOT GLOB '*[eE]*'"
    f" THEN ({{value}} = 0 OR abs({{value}}) >= 0.0001)"
    f" AND ({_below_condition(_FLOAT_DIGITS, _EXACT_INT)} OR {_FLOAT_TEXT} GLOB '*.0')"
    f" AND {_FLOAT_DIGITS} * 1.0"
    f" / {_power_of_ten(_FLOAT_DECIMALS, 18)} = {{value}}"
    " ELSE 0 END"
)
_UUID_GROUPS = " || '-' || ".join(
    f"substr({{value}}, {start}, {count})"
    for start, count in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
)

# Numbers


def _int_to_decimal(_: StoredType, after: StoredType) -> Conversion:
    most = 10**after.before_point - 1
    return Conversion(f"{{value}} * {10**after.scale}", f"{{value}} BETWEEN {-most} AND {most}")


def _decimal_to_int(before: StoredType, _: StoredType) -> Conversion:
    factor = 10**before.scale
    return Conversion(
        f"{{value}} / {factor}", f"{{value}} % {factor} = 0" if before.scale else None
    )


def _decimal_to_decimal(before: StoredType, after: StoredType) -> Conversion:
    conditions = []
    if before.scale > after.scale:
        factor = 10 ** (before.scale - after.scale)
        expression = f"{{value}} / {factor}"
        conditions.append(f"{{value}} % {factor} = 0")
    elif after.scale > before.scale:
        expression = f"{{value}} * {10 ** (after.scale - before.scale)}"
    else:
        expression = "{value}"
    if before.before_point > after.before_point:
        conditions.append(f"abs({{value}}) < {10 ** (after.before_point + before.scale)}")
    return Conversion(expression, " AND ".join(conditions) or None)


def _float_to_decimal(_: StoredType, after: StoredType) -> Conversion:
    scaled = f"CAST(round({{value}} * {10**after.scale}.0) AS INTEGER)"
    most = 10 ** min(after.precision, _EXACT_DIGITS)
    return Conversion(
        scaled,
        f"abs({{value}}) < {10**after.before_point} AND {_below_condition(scaled, most)}"
        f" AND {scaled} * 1.0 / {10**after.scale} = {{value}}",
    )


def _decimal_to_float(before: StoredType, _: StoredType) -> Conversion:
    survives = f"abs({{value}}) < {10**_EXACT_DIGITS}"
    is_exact = before.precision <= _EXACT_DIGITS
    return Conversion(f"{{value}} * 1.0 / {10**before.scale}", None if is_exact else survives)


_MIN, _MAX = -(2**63), 2**63 - 1

CONVERSIONS: Converters = {
    (Kind.TEXT, Kind.INT): constant_converter(
        "CAST({value} AS INTEGER)", "CAST(CAST({value} AS INTEGER) AS TEXT) = {value}"
    ),
    (Kind.TEXT, Kind.FLOAT): constant_converter(*_TEXT_TO_FLOAT),
    (Kind.TEXT, Kind.DECIMAL): _text_to_decimal,
    (Kind.TEXT, Kind.BOOL): constant_converter(
        "CASE {value} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END",
        "{value} = 'true' OR {value} = 'false'",
    ),
    (Kind.TEXT, Kind.DATE): constant_converter(
        "{value}", f"length(CAST({{value}} AS BLOB)) = 10 AND {_ON_A_DAY}"
    ),
    (Kind.TEXT, Kind.TIME): constant_converter(
        _with_microseconds("{value}"), _text_condition(*_clock_conditions("{value}"))
    ),
    (Kind.TEXT, Kind.DATETIME): constant_converter(
        f"substr({{value}}, 1, 10) || ' ' || {_with_microseconds(f'({_CLOCK})')}",
        _text_condition(
            _ON_A_DAY,
            f"{{value}} GLOB '{_digits_pattern('####-##-##[Tt ]##:##:##')}*'",
            _UTC,
            *_clock_conditions(f"({_CLOCK})"),
        ),
    ),
    (Kind.TEXT, Kind.UUID): constant_converter(
        "lower(replace({value}, '-', ''))", _text_condition(f"{{value}} GLOB '{_UUID}'")
    ),
    (Kind.TEXT, Kind.JSON): constant_converter("{value}", _text_condition(_IS_JSON)),
    (Kind.INT, Kind.TEXT): constant_converter("CAST({value} AS TEXT)"),
    (Kind.FLOAT, Kind.TEXT): constant_converter(_FLOAT_TEXT, _FLOAT_SURVIVES),
    (Kind.DECIMAL, Kind.TEXT): _decimal_to_text,
    (Kind.BOOL, Kind.TEXT): constant_converter(
        "CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"
    ),
    (Kind.DATE, Kind.TEXT): constant_converter("{value}"),
    (Kind.TIME, Kind.TEXT): constant_converter(_without_microseconds("{value}", 9)),
    (Kind.DATETIME, Kind.TEXT): constant_converter(
        f"replace({_without_microseconds('{value}', 20)}, ' ', 'T') || 'Z'"
    ),
    (Kind.UUID, Kind.TEXT): constant_converter(_UUID_GROUPS),
    (Kind.INT, Kind.FLOAT): constant_converter(
        "CAST({value} AS REAL)", f"{{value}} BETWEEN {-_EXACT_INT} AND {_EXACT_INT}"
    ),
    (Kind.INT, Kind.DECIMAL): _int_to_decimal,
    (Kind.INT, Kind.BOOL): constant_converter("{value}", "{value} = 0 OR {value} = 1"),
    (Kind.FLOAT, Kind.INT): constant_converter(
        "CAST({value} AS INTEGER)",
        f"{{value}} >= {_MIN}.0 AND {{value}} < {_MAX + 1}.0"
        " AND CAST({value} AS INTEGER) = {value}",
    ),
    (Kind.FLOAT, Kind.DECIMAL): _float_to_decimal,
    (Kind.DECIMAL, Kind.INT): _decimal_to_int,
    (Kind.DECIMAL, Kind.FLOAT): _decimal_to_float,
    (Kind.DECIMAL, Kind.DECIMAL): _decimal_to_decimal,
    (Kind.DATE, Kind.DATETIME): constant_converter("{value} || ' 00:00:00.000000'"),
    (Kind.DATETIME, Kind.DATE): constant_converter(
        "substr({value}, 1, 10)", "substr({value}, 11) = ' 00:00:00.000000'"
    ),
}
"""The conversions, by the kinds before and after."""
SINCE: Versions = {}
"""Empty: all versions of SQLite have all conversions."""
