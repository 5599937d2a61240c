"""Boxes do not overlap, and lines end at boxes and cross none, in random diagrams."""

import os
import random
from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import TypeAlias

import pytest

from crudgen.diagram import diagram_of
from crudgen.diagram.columns import assign_columns
from crudgen.diagram.contents import Box, BoxRow, Cardinality, Diagram, Line, LineEnd
from crudgen.diagram.layout import Layout, PlacedBox, PlacedLine, layout
from crudgen.language import load_texts
from crudgen.language.names import ClassName, FieldName

SEEDS = int(os.environ.get("SEEDS", "12"))
Rectangle: TypeAlias = tuple[float, float, float, float]
"""Left, top, right and bottom."""


def random_diagram(seed: int) -> Diagram:
    """Return a diagram of up to 60 entities, some with long names, with circles and self loops."""
    chance = random.Random(seed)  # noqa: S311 -- the same diagrams in each run
    size = chance.choice([1, 2, 8, 20, 60])
    names = [ClassName(f"E{number}" + "x" * chance.choice([0, 5, 36])) for number in range(size)]
    rows: dict[ClassName, list[BoxRow]] = {
        name: [BoxRow(FieldName("id"), "int", marks=("PK",))] for name in names
    }
    for name in names:
        for number in range(chance.randrange(20)):
            field = FieldName(f"f{number}_" + "y" * chance.choice([0, 8, 55]))
            rows[name].append(BoxRow(field, "datetime"))
    lines = []
    for number in range(int(size * chance.choice([0, 0.5, 1, 2]))):
        near, far = chance.choice(names), chance.choice(names)
        by, inverse = FieldName(f"by{number}"), FieldName(f"of{number}")
        has_inverse = chance.random() < 0.7
        rows[near].append(BoxRow(by, "int", marks=("FK",), target=far))
        if has_inverse:
            rows[far].append(BoxRow(inverse, f"{near}[]", is_relation=True))
        cardinality = chance.choice([Cardinality.ONE, Cardinality.OPTIONAL])
        end = LineEnd(far, inverse if has_inverse else None, cardinality)
        lines.append(Line(LineEnd(near, by, Cardinality.MANY), end, by))
    boxes = tuple(Box(name, f"/{name}", tuple(rows[name])) for name in names)
    return Diagram("random", boxes, tuple(lines))


def rectangle(box: PlacedBox) -> Rectangle:
    return (box.x, box.y, box.right, box.y + box.drawn.height)


def overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def parts(line: PlacedLine) -> Iterator[Rectangle]:
    """Yield the rectangles that contain the straight and the curved parts of a line."""
    for (left, top), (right, bottom) in pairwise(line.points):
        yield (min(left, right), min(top, bottom) - 0.01, max(left, right), max(top, bottom) + 0.01)


@pytest.fixture(params=range(SEEDS))
def placed(request: pytest.FixtureRequest) -> Layout:
    return layout(random_diagram(request.param))


def test_boxes_do_not_overlap(placed: Layout) -> None:
    boxes = [rectangle(box) for box in placed.boxes]
    assert [pair for pair in combinations(boxes, 2) if overlap(*pair)] == []
    assert min(box[0] for box in boxes) >= 0
    assert min(box[1] for box in boxes) >= 0
    assert max(box[2] for box in boxes) <= placed.width
    assert max(box[3] for box in boxes) <= placed.height


def test_lines_end_at_rows_and_cross_no_box(placed: Layout) -> None:
    boxes = {box.drawn.box.name: box for box in placed.boxes}
    for line in placed.lines:
        ends = (line.line.near, line.line.far)
        points = (line.points[0], line.points[-1])
        for end, (x, y), side in zip(ends, points, line.sides, strict=True):
            box = boxes[end.box]
            assert x == (box.right if side > 0 else box.x)
            assert y == pytest.approx(box.y + box.drawn.port(end.row))
        if line.line.near.box == line.line.far.box:
            continue
        for part in parts(line):
            crossed = [name for name, box in boxes.items() if overlap(part, rectangle(box))]
            assert crossed == [], line


def test_equal_diagrams_have_equal_places() -> None:
    assert layout(random_diagram(5)) == layout(random_diagram(5))


def test_boxes_are_right_of_those_that_they_refer_to() -> None:
    pairs = [("b", "a"), ("c", "b"), ("c", "a"), ("d", "d"), ("e", "c")]
    columns = assign_columns([*"edcba"], pairs, dict.fromkeys("abcde", 10.0), 25)
    assert columns["a"] < columns["b"] < columns["c"] < columns["e"]


def test_a_circle_has_one_line_in_the_other_direction() -> None:
    pairs = [("a", "b"), ("b", "c"), ("c", "a")]
    columns = assign_columns([*"abc"], pairs, dict.fromkeys("abc", 10.0), 100)
    assert sorted(columns.values()) == [0, 1, 2]
    assert sum(columns[one] < columns[other] for one, other in pairs) == 1


def test_a_column_is_no_higher_than_allowed() -> None:
    names = [f"n{number}" for number in range(10)]
    pairs = [(name, "n0") for name in names[1:]]
    columns = [*assign_columns(names, pairs, dict.fromkeys(names, 10.0), 30).values()]
    assert max(columns.count(column) for column in {*columns}) == 3


def test_few_groups_are_beside_each_other() -> None:
    schema = load_texts(
        {
            "hero.yaml": "name: Hero\nfields: {name: str}\n",
            "person.yaml": "name: Person\nfields: {name: str, team_id: -> Team}\n",
            "team.yaml": "name: Team\nfields: {name: str}\n",
        }
    )
    found = layout(diagram_of(schema))
    assert found.width > found.height * 2
    assert found.height == max(one.drawn.height for one in found.boxes)
