"""The rows that prevent a change, counted before anything changes. Reason to change: how to count.

One scan counts all rows of a table that do not meet a condition.
"""

import re
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from crudgen.kit.database.catalogue.explain import quoted

from .changes import Changes
from .conditions import EVERY_ROW, Condition, Refused, conditions
from .hints import Hints
from .plan import Problem
from .statements import run

EXAMPLES = 3
_PLURAL = re.compile(r"^(?:need|that refer)\b")


def count_problems(
    connection: Connection, changes: Changes, hints: Hints, refused: Refused
) -> Iterator[Problem]:
    """Yield what prevents the changes: each with its number of rows, and examples."""
    for group in conditions(connection.dialect, changes, hints, refused):
        yield from _counted_problems(connection, group)


def _counted_problems(connection: Connection, group: Sequence[Condition]) -> Iterator[Problem]:
    """Yield the problems of the conditions that are true for any row."""
    possible = [
        one for one in group if not one.guard or run(connection, one.guard).first() is not None
    ]
    if not possible:
        return
    counts = ", ".join(f"count(*) FILTER (WHERE {one.sql})" for one in possible)
    sql = f"SELECT {counts} FROM {possible[0].source}"
    if len(possible) == 1:  # PostgreSQL joins a table in WHERE; in FILTER it looks up each row
        sql = f"SELECT count(*) FROM {possible[0].source} WHERE {possible[0].sql}"
    numbers = run(connection, sql).one()
    for condition, number in zip(possible, numbers, strict=True):
        if number:
            yield _problem_with_examples(connection, condition, number)


def _problem_with_examples(connection: Connection, condition: Condition, number: int) -> Problem:
    where = "" if condition.sql == EVERY_ROW else f" WHERE {condition.sql}"
    key = condition.change.found.key if condition.change.found else None
    order = [f"{condition.prefix}{quoted(name)}" for name in (key.columns if key else ())]
    by = f" ORDER BY {', '.join(order)}" if order else ""
    chosen = ", ".join(order) or "*"
    examples = run(
        connection, f"SELECT {chosen} FROM {condition.source}{where}{by} LIMIT {EXAMPLES}"
    )
    rows = "row" if number == 1 else "rows"
    verb = _PLURAL.sub(r"\g<0>s", condition.what)
    return Problem(
        condition.change.expected.name,
        condition.column,
        f"{number:,} {rows} {verb if number == 1 else condition.what}",
        condition.remedy,
        number,
        tuple(tuple(row) for row in examples),
        condition.select,
        condition.flag,
        condition.place,
    )
