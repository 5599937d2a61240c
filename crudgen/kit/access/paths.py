"""Paths over relations in the conditions of rules. They follow hidden rows too."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, ForeignKey, FromClause, Select, Table, select


@dataclass(frozen=True, slots=True)
class _ReverseStep:
    """The step from a row to the rows that refer to it."""

    reference: Any


def reverse(reference: Any) -> Any:
    """Return the step from a row to the rows that refer to it by the attribute `reference`."""
    return _ReverseStep(reference)


def related_value(*path: Any) -> ColumnElement[Any]:
    """Return the value of related rows: `related_value(Hero.team_id, Team.lead_id)`.

    Each step is a reference to the next row, or `reverse(…)` of a reference to this one. The last
    argument is the attribute to return. The value is null if there is no such row.
    """
    return _select_value(path).scalar_subquery()


def related_values(*path: Any) -> Select[Any]:
    """Return the values of several related rows, for `in_`."""
    return _select_value(path)


def _select_value(path: tuple[Any, ...]) -> Select[Any]:
    *steps, last = path
    table = _start_table(steps[0])
    near: FromClause = table
    conditions: list[ColumnElement[bool]] = []
    for step in steps:
        is_reverse = isinstance(step, _ReverseStep)
        key = _foreign_key(step.reference if is_reverse else step)
        reference, referred = key.parent, key.column
        far = (reference if is_reverse else referred).table.alias()
        referring, other = (far, near) if is_reverse else (near, far)
        conditions.append(referring.c[reference.key] == other.c[referred.key])
        near = far
    value = near.c[_column(last).key]
    return select(value).where(*conditions).correlate(table)


def _start_table(step: Any) -> Table:
    """Return the table of the rows that a path begins at."""
    key = _foreign_key(step.reference if isinstance(step, _ReverseStep) else step)
    column: Column[Any] = key.column if isinstance(step, _ReverseStep) else key.parent
    table: Table = column.table
    return table


def _foreign_key(attribute: Any) -> ForeignKey:
    (key,) = _column(attribute).foreign_keys
    return key


def _column(attribute: Any) -> Column[Any]:
    column: Column[Any] = attribute.property.columns[0]
    return column
