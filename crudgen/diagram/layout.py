"""Places the boxes and lines of a diagram. Reason to change: the arrangement of the picture.

Boxes are in columns, and lines run between the columns, so that no line crosses a box.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt
from typing import TypeAlias

from .columns import assign_columns, components
from .contents import Diagram, Line
from .heights import place_items
from .order import Item, Segment, order_columns
from .sizes import DrawnBox, draw_box

_GAP = 28.0
"""Least distance between boxes of a column."""
_PASSING_HEIGHT = 4.0
"""Height of the place where a line passes a column."""
_GUTTER, _MAX_GUTTER, _LINE_ROOM = 72.0, 150.0, 4.0
"""Distance between columns: the least and the greatest, and how much a line adds."""
_GROUP_GAP = 48.0
"""Distance between groups of boxes that no line connects."""
_RATIO = 1.5
"""The width of a picture, in heights."""
_LEAST_WIDTH = 800.0
"""Width up to which groups are beside each other, whatever the ratio."""


Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """A box and its place."""

    drawn: DrawnBox
    x: float
    y: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.drawn.width


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line and its points: its ends, and where it enters and leaves columns.

    It is straight up to the edge of the left column, and in columns between. A line from a box to
    itself has only its ends.
    """

    line: Line
    points: tuple[Point, ...]
    sides: tuple[int, int]
    """The edge of each box that the line meets: -1 for the left one, 1 for the right one."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture: boxes and lines with their places."""

    boxes: tuple[PlacedBox, ...]
    lines: tuple[PlacedLine, ...]
    width: float
    height: float


def layout(diagram: Diagram) -> Layout:
    """Place the boxes and lines of a diagram. Equal diagrams give equal places."""
    drawn = {str(box.name): draw_box(box) for box in diagram.boxes}
    pairs = [(str(line.near.box), str(line.far.box)) for line in diagram.lines]
    groups = []
    for names in components([*drawn], pairs):
        lines = [line for line in diagram.lines if line.near.box in names]
        groups.append(_place_group([drawn[name] for name in names], lines))
    return _pack(groups)


def _place_group(drawn: list[DrawnBox], lines: list[Line]) -> Layout:
    """Place boxes that lines connect."""
    names = [str(one.box.name) for one in drawn]
    numbers = {name: number for number, name in enumerate(names)}
    pairs = [(str(line.near.box), str(line.far.box)) for line in lines]
    columns = assign_columns(
        names,
        pairs,
        {str(one.box.name): one.height + _GAP for one in drawn},
        _column_height(drawn),
    )
    items: list[list[Item]] = [[] for _ in range(max(columns.values()) + 1)]
    for name, column in columns.items():
        items[column].append(numbers[name])
    gaps: list[list[Segment]] = [[] for _ in items]
    heights = {number: one.height for number, one in enumerate(drawn)}
    chains: list[list[Item]] = []
    for line in lines:
        ends = sorted((line.near, line.far), key=lambda end: columns[end.box])
        between = range(columns[ends[0].box] + 1, columns[ends[1].box])
        passed = [len(heights) + number for number in range(len(between))]
        for column, item in zip(between, passed, strict=True):
            items[column].append(item)
            heights[item] = _PASSING_HEIGHT
        chain = [numbers[ends[0].box], *passed, numbers[ends[1].box]]
        chains.append(chain)
        if line.near.box == line.far.box:
            continue
        ports = [_PASSING_HEIGHT / 2 for _ in chain]
        ports[0], ports[-1] = (drawn[numbers[end.box]].port(end.row) for end in ends)
        ends_of_segments = pairwise(zip(chain, ports, strict=True))
        for column, (left, right) in enumerate(ends_of_segments, columns[ends[0].box]):
            gaps[column].append(Segment(*left, *right))
    ordered = order_columns(items, gaps[:-1])
    passing = {item for item in heights if item >= len(drawn)}
    tops = place_items(ordered, gaps[:-1], heights, passing, _GAP)
    edges = _column_edges(ordered, drawn, gaps)
    boxes = tuple(
        PlacedBox(one, edges[columns[name]][0], tops[numbers[name]])
        for name, one in zip(names, drawn, strict=True)
    )
    placed = tuple(
        _place_line(line, boxes, chain, tops, edges[columns[names[chain[0]]] :])
        for line, chain in zip(lines, chains, strict=True)
    )
    height = max(tops[item] + heights[item] for item in heights)
    return Layout(boxes, placed, edges[-1][1] + _GUTTER / 2, height)


def _column_height(drawn: Sequence[DrawnBox]) -> float:
    """Return the maximum height of a column that gives the picture its ratio."""
    area = sum((one.width + _GUTTER) * (one.height + _GAP) for one in drawn)
    return max(sqrt(area / _RATIO), *(one.height + _GAP for one in drawn))


def _column_edges(
    columns: Sequence[Sequence[Item]], drawn: Sequence[DrawnBox], gaps: Sequence[Sequence[Segment]]
) -> list[tuple[float, float]]:
    """Return the left and right edge of each column."""
    edges, left = [], 0.0
    for items, segments in zip(columns, gaps, strict=True):
        right = left + max(drawn[item].width for item in items if item < len(drawn))
        edges.append((left, right))
        left = right + min(_GUTTER + len(segments) * _LINE_ROOM, _MAX_GUTTER)
    return edges


def _place_line(
    line: Line,
    boxes: Sequence[PlacedBox],
    chain: Sequence[Item],
    tops: dict[Item, float],
    edges: Sequence[tuple[float, float]],
) -> PlacedLine:
    """Return a line with its points; `edges` are those of the columns from its left end on."""
    first, last = boxes[chain[0]], boxes[chain[-1]]
    is_forward = line.near.box == first.drawn.box.name
    left_end, right_end = (line.near, line.far) if is_forward else (line.far, line.near)
    start = (first.right, first.y + first.drawn.port(left_end.row))
    if first is last:
        end = (last.right, last.y + last.drawn.port(right_end.row))
        return PlacedLine(line, (start, end), (1, 1))
    end = (last.x, last.y + last.drawn.port(right_end.row))
    points = [start, (edges[0][1], start[1])]
    for item, (left, right) in zip(chain[1:-1], edges[1:], strict=False):
        height = tops[item] + _PASSING_HEIGHT / 2
        points += [(left, height), (right, height)]
    points.append(end)
    if is_forward:
        return PlacedLine(line, tuple(points), (1, -1))
    return PlacedLine(line, tuple(reversed(points)), (-1, 1))


def _pack(groups: Sequence[Layout]) -> Layout:
    """Return groups in rows from left to right, and the rows below each other."""
    area = sum((one.width + _GROUP_GAP) * (one.height + _GROUP_GAP) for one in groups)
    limit = max([_LEAST_WIDTH, sqrt(area * _RATIO), *(one.width for one in groups)])
    boxes: list[PlacedBox] = []
    lines: list[PlacedLine] = []
    x = y = width = below = 0.0
    for group in groups:
        if x and x + group.width > limit:
            x, y = 0.0, below + _GROUP_GAP
        boxes += [replace(one, x=one.x + x, y=one.y + y) for one in group.boxes]
        for one in group.lines:
            moved = tuple((left + x, top + y) for left, top in one.points)
            lines.append(replace(one, points=moved))
        width, below = max(width, x + group.width), max(below, y + group.height)
        x += group.width + _GROUP_GAP
    return Layout(tuple(boxes), tuple(lines), width, below)
