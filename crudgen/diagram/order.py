"""Orders the items of each column so that few lines cross. Reason to change: how they are ordered.

Items are boxes, and the places where lines pass a column.
"""

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

_SWEEPS = 12

Item: TypeAlias = int
"""The number of a box or of a place where a line passes."""
Columns: TypeAlias = list[list[Item]]


class Segment(NamedTuple):
    """A part of a line, between neighboring columns."""

    left: Item
    left_port: float
    """Where the line meets the left item, from its top."""
    right: Item
    right_port: float


def order_columns(columns: Columns, gaps: Sequence[Sequence[Segment]]) -> Columns:
    """Return the columns with their items in an order with few crossings.

    `gaps` are the segments after each column. Each sweep sorts every column by the mean position of
    the neighbors on one side.
    """
    best, fewest = columns, _crossings(columns, gaps)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        columns = _sorted_by_neighbors(columns, gaps, rightwards=sweep % 2 == 0)
        number = _crossings(columns, gaps)
        if number < fewest:
            best, fewest = columns, number
    return best


def _sorted_by_neighbors(
    columns: Columns, gaps: Sequence[Sequence[Segment]], *, rightwards: bool
) -> Columns:
    found = [*columns]
    numbers = range(1, len(columns)) if rightwards else range(len(columns) - 2, -1, -1)
    for number in numbers:
        places = _positions(found[number - 1 if rightwards else number + 1])
        near: dict[Item, list[float]] = {item: [] for item in found[number]}
        for left, left_port, right, right_port in gaps[number - 1 if rightwards else number]:
            if rightwards:
                near[right].append(places[left] + left_port / 1e4)
            else:
                near[left].append(places[right] + right_port / 1e4)
        own = _positions(found[number])
        means = {item: sum(all_) / len(all_) if all_ else own[item] for item, all_ in near.items()}
        found[number] = sorted(found[number], key=means.__getitem__)
    return found


def _positions(column: Sequence[Item]) -> Mapping[Item, int]:
    return {item: place for place, item in enumerate(column)}


def _crossings(columns: Columns, gaps: Sequence[Sequence[Segment]]) -> int:
    """Return the number of crossings: the pairs of segments whose ends are in opposite orders."""
    total = 0
    for number, segments in enumerate(gaps):
        left, right = _positions(columns[number]), _positions(columns[number + 1])
        ends = sorted(
            ((left[one.left], one.left_port), (right[one.right], one.right_port))
            for one in segments
        )
        seen: list[tuple[int, float]] = []
        for _, end in ends:
            total += len(seen) - bisect_right(seen, end)
            insort(seen, end)
    return total
