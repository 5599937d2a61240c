"""A diagram as SVG, without scripts or other files. Reason to change: the look of the picture."""

import re
from collections.abc import Iterator
from html import escape

from .contents import BoxRow, Cardinality, Diagram, Line
from .layout import PlacedBox, PlacedLine, Point, layout
from .sizes import HEADER, MARKS_WIDTH, PADDING, ROW

STYLE = """\
.diagram { --ink: #1f2937; --soft: #6b7280; --edge: #cbd5e1; --paper: #ffffff;
  --head: #eef2ff; --line: #818cf8; --mark: #4338ca; --key: #b45309;
  font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
@media (prefers-color-scheme: dark) {
  .diagram { --ink: #e5e7eb; --soft: #9ca3af; --edge: #475569; --paper: #1e293b;
    --head: #312e81; --line: #818cf8; --mark: #c7d2fe; --key: #fbbf24; }
}
.diagram text { fill: var(--ink); dominant-baseline: central; }
.diagram .box rect { fill: var(--paper); stroke: var(--edge); }
.diagram .box .head { fill: var(--head); stroke: none; }
.diagram .box .rule { stroke: var(--edge); fill: none; }
.diagram .name { font-size: 14px; font-weight: 700; }
.diagram .type, .diagram .more { fill: var(--soft); }
.diagram .type { text-anchor: end; }
.diagram .mark { fill: var(--mark); font-size: 10px; }
.diagram .relation { fill: var(--soft); font-style: italic; }
.diagram .line path { fill: none; stroke: var(--line); stroke-width: 1.4; }
.diagram .line .reach { stroke: transparent; stroke-width: 10; }
.diagram .line circle { fill: var(--paper); stroke: var(--line); stroke-width: 1.4; }
.diagram .line.via path { stroke-dasharray: 5 4; }
.diagram .line.via .end, .diagram .line .reach { stroke-dasharray: none; }
.diagram .line:hover path:not(.reach), .diagram .line:hover circle {
  stroke: var(--key); stroke-width: 2.4; }
"""
"""The style of the classes in a picture."""
_MARGIN = 16.0
_STUB = 18.0
"""Length of the straight line at a box, below the signs of its cardinality."""
_RADIUS = 6.0
_TEXT_X = f"{PADDING + MARKS_WIDTH:.0f}"
"""Left edge of the names in a box."""
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_svg(diagram: Diagram, *, has_style: bool = True) -> str:
    """Return a diagram as an SVG document, or as an element of a page that has STYLE."""
    return "\n".join(_elements(diagram, has_style=has_style)) + "\n"


def _elements(diagram: Diagram, *, has_style: bool) -> Iterator[str]:
    placed = layout(diagram)
    width, height = placed.width + 2 * _MARGIN, placed.height + 2 * _MARGIN
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="diagram" role="img"'
        f' width="{_number(width)}" height="{_number(height)}"'
        f' viewBox="{_number(-_MARGIN)} {_number(-_MARGIN)} {_number(width)} {_number(height)}">'
    )
    yield f"<title>{_escaped_text(diagram.title)}</title>"
    if has_style:
        yield f"<style>\n{STYLE}</style>"
    for line in placed.lines:
        yield from _line_elements(line)
    for box in placed.boxes:
        yield from _box_elements(box)
    yield "</svg>"


def _box_elements(placed: PlacedBox) -> Iterator[str]:
    drawn = placed.drawn
    width, height = _number(drawn.width), _number(drawn.height)
    yield f'<g class="box" transform="translate({_number(placed.x)} {_number(placed.y)})">'
    yield f"<title>{_escaped_text(drawn.box.name)}: {_escaped_text(drawn.box.path)}</title>"
    yield f'<rect width="{width}" height="{height}" rx="{_number(_RADIUS)}"/>'
    yield f'<path class="head" d="{_head_path(drawn.width)}"/>'
    yield f'<path class="rule" d="M0 {_number(HEADER)}H{width}"/>'
    middle = _number(drawn.width / 2)
    yield (
        f'<text class="name" x="{middle}" y="{_number(HEADER / 2)}" text-anchor="middle">'
        f"{_escaped_text(drawn.box.name)}</text>"
    )
    is_above_relations = True
    for number, row in enumerate(drawn.rows):
        y = HEADER + (number + 0.5) * ROW
        if row.is_relation and is_above_relations:
            is_above_relations = False
            yield f'<path class="rule" d="M0 {_number(y - ROW / 2)}H{width}"/>'
        yield from _row_elements(row, drawn.width, _number(y))
    if drawn.hidden:
        y, more = drawn.height - ROW / 2, f"… {drawn.hidden} more fields"
        yield f'<text class="more" x="{_TEXT_X}" y="{_number(y)}">{more}</text>'
    yield "</g>"


def _row_elements(row: BoxRow, width: float, y: str) -> Iterator[str]:
    """Yield the elements of a row: its first mark, its name, and its type at the right."""
    for mark in row.marks[:1]:
        yield f'<text class="mark" x="{_number(PADDING)}" y="{y}">{mark}</text>'
    kind = ' class="relation"' if row.is_relation else ""
    yield f'<text{kind} x="{_TEXT_X}" y="{y}">{_escaped_text(row.name)}</text>'
    right = _number(width - PADDING)
    yield f'<text class="type" x="{right}" y="{y}">{_escaped_text(row.type_text)}</text>'


def _line_elements(placed: PlacedLine) -> Iterator[str]:
    """Yield the elements of a line: its path, and the sign of the cardinality at each end."""
    line = placed.line
    yield f'<g class="{"line via" if line.via else "line"}">'
    yield f"<title>{_escaped_text(_description(line))}</title>"
    path = _path(placed)
    yield f'<path class="reach" d="{path}"/>'
    yield f'<path d="{path}"/>'
    ends = (line.near, line.far)
    points = (placed.points[0], placed.points[-1])
    for end, (x, y), side in zip(ends, points, placed.sides, strict=True):
        yield from _cardinality_elements(end.cardinality, x, y, side)
    yield "</g>"


def _description(line: Line) -> str:
    """Return what a line means: `Hero.team / heroes: many Hero to one Team`."""
    near, far = line.near, line.far
    via = f", via {line.via}" if line.via else ""
    ends = f"{near.cardinality.value} {near.box} to {far.cardinality.value} {far.box}"
    return f"{line.name}: {ends}{via}"


def _path(placed: PlacedLine) -> str:
    """Return the path of a line: straight at boxes and in columns, curved between columns."""
    points, (first, last) = placed.points, placed.sides
    start, end = points[0], points[-1]
    if first == last:  # from a box to itself
        near, reach = start[0] + _STUB, start[0] + _STUB + abs(end[1] - start[1]) / 8 + 8
        return (
            _move_command(start)
            + _horizontal_command(near)
            + _curve_command((reach, start[1]), (reach, end[1]), (near, end[1]))
            + _horizontal_command(end[0])
        )
    points = points if first > 0 else points[::-1]
    parts = [_move_command(points[0])]
    for number in range(1, len(points) - 1, 2):
        x, y = points[number]
        if number == 1:
            x = max(x, points[0][0] + _STUB)
        next_x, next_y = points[number + 1]
        if number == len(points) - 2:
            next_x -= _STUB
        middle = (x + next_x) / 2
        parts += [
            _horizontal_command(x),
            _curve_command((middle, y), (middle, next_y), (next_x, next_y)),
        ]
    return "".join([*parts, _horizontal_command(points[-1][0])])


def _move_command(point: Point) -> str:
    return f"M{_number(point[0])} {_number(point[1])}"


def _horizontal_command(x: float) -> str:
    return f"H{_number(x)}"


def _curve_command(*points: Point) -> str:
    return "C" + " ".join(f"{_number(x)} {_number(y)}" for x, y in points)


def _cardinality_elements(cardinality: Cardinality, x: float, y: float, side: int) -> Iterator[str]:
    """Yield the sign at the end of a line, in crow's foot notation."""

    def bar(distance: float) -> str:
        place = f"M{_number(x + side * distance)} {_number(y - 5)}v10"
        return f'<path class="end" d="{place}"/>'

    def circle(distance: float) -> str:
        return f'<circle cx="{_number(x + side * distance)}" cy="{_number(y)}" r="3.5"/>'

    if cardinality is Cardinality.MANY:
        tip, top, bottom = _number(x + side * 10), _number(y - 5), _number(y + 5)
        edge = _number(x)
        place = f"M{edge} {top}L{tip} {_number(y)}L{edge} {bottom}"
        yield f'<path class="end" d="{place}"/>'
        yield circle(13.5)
    elif cardinality is Cardinality.OPTIONAL:
        yield bar(6)
        yield circle(12.5)
    else:
        yield bar(6)
        yield bar(10)


def _head_path(width: float) -> str:
    """Return the area of a header, whose upper corners are round."""
    r, edge = _number(_RADIUS), _number(width - _RADIUS)
    return (
        f"M0 {_number(HEADER)}V{r}Q0 0 {r} 0H{edge}Q{_number(width)} 0 {_number(width)} {r}"
        f"V{_number(HEADER)}z"
    )


def _number(value: float) -> str:
    """Return a length with at most one digit after the point."""
    return f"{value:.1f}".removesuffix(".0")


def _escaped_text(text: str) -> str:
    """Return a text as the content of an element; characters that XML forbids are replaced."""
    return escape(_NOT_XML.sub("\ufffd", text), quote=False)
