"""Assigns boxes to columns, from left to right. Reason to change: which column a box is in.

A box is right of the boxes that it refers to, unless references form a circle.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TypeAlias

Edges: TypeAlias = Mapping[str, set[str]]
"""The neighbors of each box."""


def components(names: list[str], pairs: list[tuple[str, str]]) -> Iterator[list[str]]:
    """Yield groups of boxes that lines connect, the largest first.

    Boxes without lines to others are one group, the last.
    """
    near = _neighbors(pairs)
    groups, single, seen = [], [], set[str]()
    for name in names:
        if name not in near:
            single.append(name)
        elif name not in seen:
            group, open_ends = set[str](), [name]
            while open_ends:
                one = open_ends.pop()
                if one not in group:
                    group.add(one)
                    open_ends.extend(near[one])
            seen |= group
            groups.append([one for one in names if one in group])
    yield from sorted(groups, key=len, reverse=True)
    if single:
        yield single


def assign_columns(
    names: list[str],
    pairs: list[tuple[str, str]],
    heights: Mapping[str, float],
    max_height: float,
) -> dict[str, int]:
    """Return the column of each box; the boxes of a column fit into the maximum height.

    A pair is a reference: its first box refers to its second one. Connected boxes are never in the
    same column.
    """
    order = _targets_first(names, pairs)
    near, place = _neighbors(pairs), {name: number for number, name in enumerate(order)}
    columns: dict[str, int] = {}
    used: dict[int, float] = defaultdict(float)

    def fits(name: str, column: int) -> bool:
        return not used[column] or used[column] + heights[name] <= max_height

    for name in order:
        before = [columns[one] for one in near[name] if place[one] < place[name]]
        column = max(before, default=-1) + 1
        while not fits(name, column):
            column += 1
        columns[name] = column
        used[column] += heights[name]
    for name in reversed(order):
        before = [columns[one] for one in near[name] if columns[one] < columns[name]]
        after = [columns[one] for one in near[name] if columns[one] > columns[name]]
        # Shorter lines: move the box next to those that refer to it.
        for column in range(min(after, default=0) - 1, columns[name], -1):
            if len(after) > len(before) and fits(name, column):
                used[columns[name]] -= heights[name]
                used[column] += heights[name]
                columns[name] = column
                break
    numbers = {old: new for new, old in enumerate(sorted(set(columns.values())))}
    return {name: numbers[column] for name, column in columns.items()}


def _neighbors(pairs: list[tuple[str, str]]) -> Edges:
    near: dict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        if one != other:
            near[one].add(other)
            near[other].add(one)
    return near


def _targets_first(names: list[str], pairs: list[tuple[str, str]]) -> list[str]:
    """Return the boxes in an order in which few refer to later ones (Eades, Lin and Smyth)."""
    targets: dict[str, set[str]] = {name: set() for name in names}
    users: dict[str, set[str]] = {name: set() for name in names}
    for one, other in pairs:
        if one != other:
            targets[one].add(other)
            users[other].add(one)
    first: list[str] = []
    last: list[str] = []
    left = dict.fromkeys(names)
    while left:
        ending = [name for name in left if not targets[name]]
        starting = [name for name in left if targets[name] and not users[name]]
        if not ending and not starting:  # a circle: begin with the box that most refer to
            ending = [max(left, key=lambda name: len(users[name]) - len(targets[name]))]
        for name in (*ending, *starting):
            del left[name]
            for one in targets[name]:
                users[one].discard(name)
            for one in users[name]:
                targets[one].discard(name)
        first.extend(ending)
        last = [*starting, *last]
    return first + last
