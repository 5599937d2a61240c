"""Comparison of CHECK constraints by the values that they accept.

`age BETWEEN 0 AND 150` and `age >= 0 AND 150 >= age` are two notations of one constraint. The
database evaluates both for the values at which they can differ: each constant in them, and its
neighbours.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from sqlalchemy import Connection

from .definitions import Check, TableDefinition
from .explain import planner_expressions, quoted, value_unless_rejected

_CONSTANT = re.compile(
    r"""[xX]'[0-9a-fA-F]*' | '(?P<text>(?:[^']|'')*)' | "(?P<quoted>(?:[^"]|"")*)"
    | (?<![\w.])(?:0[xX](?P<hex>[0-9a-fA-F]+) | (?P<number>[0-9]+\.?[0-9]*|\.[0-9]+))
    (?P<exponent>[eE][+-]?[0-9]+)?""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_CALL = re.compile(r"([A-Za-z_]\w*)\s*\(")
_KNOWN = {"all", "and", "any", "array", "between", "cast", "in", "length", "not", "or", "varying"}
"""Words before a parenthesis. The values of other functions may differ elsewhere."""
_COUNT = """
WITH {table} ({column}) AS (VALUES {values}) SELECT count(*) FROM {table} WHERE {condition}
"""
_MAX_LENGTH = 10_000_000
_NUMBERS = tuple(map(Decimal, (10, 100, 1_000_000_000)))
_TEXTS = ("", "x", "X", " ", "0", "é")
_TEXT_OF_LENGTH = {"postgresql": "repeat('x', {})", "sqlite": "printf('%.{}c', 'x')"}
_BYTES_OF_LENGTH = {"postgresql": "decode(repeat('00', {}), 'hex')", "sqlite": "zeroblob({})"}


def normalize_checks(
    connection: Connection, found: TableDefinition, expected: TableDefinition
) -> tuple[TableDefinition, TableDefinition]:
    """Return both definitions, with the same normalized text in equivalent CHECK constraints."""
    if connection.dialect.name == "postgresql":
        found, expected = _normalized_by_planner(connection, found, expected)
    checks = list(found.checks)
    for one in [check for check in expected.checks if check not in checks]:
        for index, other in enumerate(checks):
            if other not in expected.checks and _are_equivalent(connection, found, one, other):
                checks[index] = replace(other, normalized=one.normalized)
                break
    return replace(found, checks=tuple(checks)), expected


def _normalized_by_planner(
    connection: Connection, found: TableDefinition, expected: TableDefinition
) -> tuple[TableDefinition, TableDefinition]:
    checks = (*found.checks, *expected.checks)
    printed = planner_expressions(connection, [check.sql for check in checks], found.columns)
    explained = [
        replace(check, normalized=text) for check, text in zip(checks, printed, strict=True)
    ]
    count = len(found.checks)
    return (
        replace(found, checks=tuple(explained[:count])),
        replace(expected, checks=tuple(explained[count:])),
    )


def _are_equivalent(
    connection: Connection, table: TableDefinition, one: Check, other: Check
) -> bool:
    """Return whether two constraints accept the same test values; False if there are none."""
    condition = f"(({one.sql}) IS FALSE) <> (({other.sql}) IS FALSE)"
    return count_test_values(connection, table, (one, other), condition) == 0


def count_test_values(
    connection: Connection, table: TableDefinition, checks: tuple[Check, Check], condition: str
) -> int | None:
    """Return for how many test values of two constraints a condition is true.

    None if they are not simple constraints of the same column.
    """
    one, other = checks
    columns = [column for column in table.columns if column.name.lower() in one.columns]
    if len(columns) != 1 or one.columns != other.columns:
        return None
    dialect, kind = connection.dialect.name, columns[0].type.partition("(")[0].lower()
    values = list(_test_values(kind, f"{one.sql}; {other.sql}", dialect))
    if not values:
        return None
    typed = "CAST({} AS {})" if dialect == "postgresql" else "{}"
    sql = _COUNT.format(
        table=quoted(table.name),
        column=quoted(columns[0].name),
        values=", ".join(f"({typed.format(value, kind)})" for value in values),
        condition=condition,
    )
    count: int | None = value_unless_rejected(connection, sql)
    return count


def _test_values(kind: str, sql: str, dialect: str) -> Iterator[str]:
    """Yield test values near the constants of an expression; none if it is not simple."""
    if any(match.lastgroup is None for match in _CONSTANT.finditer(sql)):
        return  # a blob
    if not {word.lower() for word in _CALL.findall(_CONSTANT.sub("''", sql))} <= _KNOWN:
        return
    texts = {*_TEXTS, *_text_constants(sql)}
    constants = {Decimal(0), *_number_constants(sql, texts)}
    numbers = {number + step for number in constants for step in (-1, 0, 1)}
    is_text = any(word in kind for word in ("char", "text", "clob"))
    if not is_text and kind not in {"bytea", "blob"}:
        yield "NULL"
        ordered = sorted(sign * number for number in (*numbers, *_NUMBERS) for sign in (1, -1))
        between = [(one + other) / 2 for one, other in pairwise(ordered)]
        for number in [*ordered, *between]:
            if "int" not in kind or _is_int(number):
                yield f"{number:f}"
    elif max(numbers) <= _MAX_LENGTH:
        yield "NULL"
        repeated = (_TEXT_OF_LENGTH if is_text else _BYTES_OF_LENGTH)[dialect]
        yield from (repeated.format(int(number)) for number in numbers if number > 0)
        for text in texts if is_text else ():
            for near in (text, f"{text} ", text.swapcase()):
                yield "'" + near.replace("'", "''") + "'"


def _text_constants(sql: str) -> Iterator[str]:
    for match in _CONSTANT.finditer(sql):
        if match["text"] is not None:
            yield match["text"].replace("''", "'")
        elif match["quoted"] is not None:  # SQLite accepts text in double quotes
            yield match["quoted"].replace('""', '"')


def _number_constants(sql: str, texts: Iterable[str]) -> Iterator[Decimal]:
    for match in _CONSTANT.finditer(sql):
        if match["hex"] is not None:
            yield Decimal(int(match["hex"], 16))
        elif match["number"] is not None:
            yield Decimal(f"{match['number']}{match['exponent'] or ''}")
    for text in texts:
        if _NUMBER.fullmatch(text):  # PostgreSQL prints -1 as '-1'::integer
            yield Decimal(text)


def _is_int(number: Decimal) -> bool:
    return number == number.to_integral_value() and -(2**63) <= number < 2**63
