"""Places the items of ordered columns vertically. Reason to change: how lines become straight."""

from collections.abc import Mapping, Sequence

from .order import Columns, Item, Segment

_SWEEPS = 8
_PASSING_WEIGHT = 4.0
"""How much straighter a line is where it passes a column than where it meets a box."""


def place_items(
    columns: Columns,
    gaps: Sequence[Sequence[Segment]],
    heights: Mapping[Item, float],
    passing: set[Item],
    gap: float,
) -> dict[Item, float]:
    """Return the top of each item. Items of a column keep their order and at least a gap."""
    tops: dict[Item, float] = {}
    for column in columns:
        top = 0.0
        for item in column:
            tops[item] = top
            top += heights[item] + gap
    near = _neighbors(gaps)
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wanted = []
            for item in column:
                found = [tops[other] + port - own for other, port, own in near.get(item, ())]
                mean = sum(found) / len(found) if found else tops[item]
                weight = len(found) * _PASSING_WEIGHT if item in passing else len(found) or 0.1
                wanted.append((mean, weight))
            sizes = [heights[item] + gap for item in column]
            tops.update(zip(column, _without_overlaps(wanted, sizes), strict=True))
    least = min(tops.values(), default=0.0)
    return {item: round(top - least, 1) for item, top in tops.items()}


def _neighbors(gaps: Sequence[Sequence[Segment]]) -> dict[Item, list[tuple[Item, float, float]]]:
    """Return, of each item, the others that lines lead to, with the ports at both ends."""
    near: dict[Item, list[tuple[Item, float, float]]] = {}
    for segments in gaps:
        for left, left_port, right, right_port in segments:
            near.setdefault(left, []).append((right, right_port, left_port))
            near.setdefault(right, []).append((left, left_port, right_port))
    return near


def _without_overlaps(wanted: Sequence[tuple[float, float]], sizes: Sequence[float]) -> list[float]:
    """Return the tops nearest to the wanted ones, as weighted squares, without overlaps.

    Neighbors that would overlap are merged into a block, which is placed as one.
    """
    blocks: list[tuple[float, float, int]] = []  # the top of the first item, weight, items
    offsets = [0.0]
    for size in sizes:
        offsets.append(offsets[-1] + size)
    for number, (top, weight) in enumerate(wanted):
        block = (top - offsets[number], weight, 1)
        while blocks and blocks[-1][0] >= block[0]:
            other = blocks.pop()
            both = other[1] + block[1]
            mean = (other[0] * other[1] + block[0] * block[1]) / both
            block = (mean, both, other[2] + block[2])
        blocks.append(block)
    starts = [start for start, _, count in blocks for _ in range(count)]
    return [start + offset for start, offset in zip(starts, offsets, strict=False)]
