"""Three-way merge of texts. Reason to change: how lines are matched, or what conflicts look like.

A merge has three sides: what crudgen generated before, the file that the user edited (yours), and
what crudgen generates now. Lines are matched as `git diff --patience` does, and merged as diff3
does.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import takewhile
from typing import TypeAlias

_BYTE_ORDER_MARK = "\ufeff"
_YOURS, _BEFORE, _BETWEEN, _NOW = (
    "<<<<<<< yours",
    "||||||| generated before",
    "=======",
    ">>>>>>> generated now",
)
"""The lines that mark a conflict: those of git, with labels of crudgen."""

_IMPORT = re.compile(r"(from [\w.]+ )?import [\w.*, ]+")
"""Matches an import of Python on one line, which is not indented."""
_SEPARATOR = re.compile(rf"\s*|{_IMPORT.pattern}")
"""Matches a line that separates a block from others: it is blank, or an import."""

_Chunk: TypeAlias = tuple[range, range, range]
"""Lines of the three sides that belong together."""


class Side(StrEnum):
    """The side whose lines resolve a conflict."""

    YOURS = "yours"
    NOW = "now"


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged text, and the line numbers at which its conflicts begin."""

    text: str
    conflicts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Text:
    """The lines of a text, without and with their endings."""

    lines: list[str]
    endings: list[str]

    @classmethod
    def split(cls, text: str) -> "_Text":
        """Split a text at line feeds only, unlike `splitlines`."""
        *lines, last = text.split("\n")
        endings = ["\r\n" if line.endswith("\r") else "\n" for line in lines]
        lines = [line.removesuffix("\r") for line in lines]
        return cls([*lines, last], [*endings, ""]) if last else cls(lines, endings)

    @property
    def is_complete(self) -> bool:
        """Whether the last line has an ending."""
        return not self.endings or bool(self.endings[-1])

    @property
    def usual_ending(self) -> str:
        return max("\n", "\r\n", key=self.endings.count)


def merge(
    before: str, yours: str, now: str, prefer: Side | None = None, *, at_once: bool = False
) -> Merged:
    """Return the merge of three texts. `prefer` resolves conflicts, which are marked otherwise.

    Line endings and the byte order mark are those of `yours`. With `at_once`, everything from the
    first line that differs to the last is one conflict.
    """
    mark = _BYTE_ORDER_MARK if yours.startswith(_BYTE_ORDER_MARK) else ""
    b, o, t = map(_Text.split, (before, yours.removeprefix(_BYTE_ORDER_MARK), now))
    output: list[str] = []
    conflicts: list[int] = []
    usual = o.usual_ending
    chunks = _chunks_at_once if at_once else _chunks
    for of_before, of_yours, of_now in chunks(b.lines, o.lines, t.lines):
        old, mine, new = _lines_of(b, of_before), _lines_of(o, of_yours), _lines_of(t, of_now)
        own = [o.lines[i] + (o.endings[i] or usual) for i in of_yours]
        generated = [line + usual for line in new]
        if new in (mine, old):
            output += own
        elif mine == old:
            output += generated
        elif not at_once and (imports := _merged_imports(old, mine, new)):
            output += (line + usual for line in imports)
        elif prefer is not None:
            output += own if prefer is Side.YOURS else generated
        else:
            conflicts.append(len(output) + 1)
            output += [_YOURS + usual, *own, _BEFORE + usual, *(line + usual for line in old)]
            output += [_BETWEEN + usual, *generated, _NOW + usual]
    is_complete = t.is_complete if o.is_complete == b.is_complete else o.is_complete
    if output and not is_complete and output[-1] != _NOW + usual:
        output[-1] = output[-1].removesuffix("\n").removesuffix("\r")
    return Merged(mark + "".join(output), tuple(conflicts))


def find_markers(text: str) -> tuple[int, ...]:
    """Return the line numbers of the conflicts that are marked in a text.

    A line `=======` alone is text of the user.
    """
    lines = _Text.split(text.removeprefix(_BYTE_ORDER_MARK)).lines
    starts = tuple(number for number, line in enumerate(lines, 1) if line == _YOURS)
    return starts or tuple(n for n, line in enumerate(lines, 1) if line in {_BEFORE, _NOW})


def resolve(text: str, side: Side) -> str | None:
    """Return a text with its marked conflicts resolved, or None if a marker is missing."""
    order = {_YOURS: _BEFORE, _BEFORE: _BETWEEN, _BETWEEN: _NOW}
    wanted = _YOURS if side is Side.YOURS else _BETWEEN
    output, within = [], ""
    marked = _Text.split(text.removeprefix(_BYTE_ORDER_MARK))
    for line, ending in zip(marked.lines, marked.endings, strict=True):
        if line == (order[within] if within else _YOURS):
            within = "" if line == _NOW else line
        elif line in {_YOURS, _BEFORE, _NOW}:
            return None
        elif within in {"", wanted}:
            output.append(line + ending)
    mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
    return None if within else mark + "".join(output)


def _lines_of(text: _Text, part: range) -> list[str]:
    return text.lines[part.start : part.stop]


def _chunks(before: list[str], yours: list[str], now: list[str]) -> Iterator[_Chunk]:
    """Yield the chunks of a merge: lines that all sides have, and what is between them."""
    of_yours, of_now = _matching_lines(before, yours), _matching_lines(before, now)
    b = o = t = 0
    for i in sorted(of_yours.keys() & of_now.keys()):
        j, k = of_yours[i], of_now[i]
        yield from _split_added_blocks(before, yours, now, (range(b, i), range(o, j), range(t, k)))
        yield range(i, i + 1), range(j, j + 1), range(k, k + 1)
        b, o, t = i + 1, j + 1, k + 1
    last = range(b, len(before)), range(o, len(yours)), range(t, len(now))
    yield from _split_added_blocks(before, yours, now, last)


def _split_added_blocks(
    before: list[str], yours: list[str], now: list[str], chunk: _Chunk
) -> Iterator[_Chunk]:
    """Yield a chunk, or its parts, if one side only adds blocks beside lines of the other.

    A blank line or an import separates such a block from these lines.
    """
    b, o, t = chunk
    old = before[b.start : b.stop]
    if (at := _position_of_block(old, yours[o.start : o.stop])) is not None:
        start, end = o.start + at, o.start + at + len(b)
        yield b[:0], o[:at], t[:0]
        yield b, range(start, end), t
        yield b[:0], range(end, o.stop), t[:0]
    elif (at := _position_of_block(old, now[t.start : t.stop])) is not None:
        start, end = t.start + at, t.start + at + len(b)
        yield b[:0], o[:0], t[:at]
        yield b, o, range(start, end)
        yield b[:0], o[:0], range(end, t.stop)
    else:
        yield chunk


def _position_of_block(old: list[str], new: list[str]) -> int | None:
    """Return where new lines contain all old ones, once and with separators around them."""
    size = len(old)
    if len(new) <= size or not any(map(str.strip, old)):
        return None
    starts = [at for at in range(len(new) - size + 1) if new[at : at + size] == old]
    if len(starts) != 1:
        return None
    around = [*new[: starts[0]][-1:], *new[starts[0] + size :][:1]]
    return starts[0] if all(map(_SEPARATOR.fullmatch, around)) else None


def _merged_imports(old: list[str], mine: list[str], new: list[str]) -> list[str]:
    """Return the imports of both sides, if all lines are imports and one side only adds some."""
    if not all(map(_IMPORT.fullmatch, [*old, *mine, *new])):
        return []
    for one, other in ((new, mine), (mine, new)):
        if {*old} <= {*other}:
            return [*one, *(line for line in other if line not in {*old, *one})]
    return []


def _chunks_at_once(before: list[str], yours: list[str], now: list[str]) -> Iterator[_Chunk]:
    """Yield three chunks: the lines before the first difference, those until the last, the rest."""
    sides = (before, yours, now)
    start = _common_start_length(*sides)
    end = _common_start_length(*(side[start:][::-1] for side in sides))
    b, o, t = (len(side) - end for side in sides)
    yield range(start), range(start), range(start)
    yield range(start, b), range(start, o), range(start, t)
    yield range(b, b + end), range(o, o + end), range(t, t + end)


def _common_start_length(*sides: Sequence[str]) -> int:
    """Return the number of first lines that all sides have."""
    same = takewhile(lambda lines: len(set(lines)) == 1, zip(*sides, strict=False))
    return sum(1 for _ in same)


def _matching_lines(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Return which lines of two texts belong together, by index, in ascending order.

    Equal lines at both ends match. Between them, lines match that are unique in both texts, and
    divide the rest; without unique lines, the longest equal runs match.
    """
    found: dict[int, int] = {}
    blocks = [(0, len(old), 0, len(new))]
    while blocks:
        a, b, c, d = blocks.pop()
        start = _common_start_length(old[a:b], new[c:d])
        found.update((a + i, c + i) for i in range(start))
        a, c = a + start, c + start
        end = _common_start_length(old[a:b][::-1], new[c:d][::-1])
        found.update((b - i, d - i) for i in range(1, end + 1))
        b, d = b - end, d - end
        if a == b or c == d:
            continue
        anchors = _unique_matches(old[a:b], new[c:d])
        if not anchors:
            matcher = SequenceMatcher(None, old[a:b], new[c:d], autojunk=False)
            for i, j, size in matcher.get_matching_blocks():
                found.update((a + i + n, c + j + n) for n in range(size))
            continue
        for i, j in anchors:
            found[a + i] = c + j
        starts = [(a, c), *((a + i + 1, c + j + 1) for i, j in anchors)]
        ends = [*((a + i, c + j) for i, j in anchors), (b, d)]
        blocks += [(i, k, j, m) for (i, j), (k, m) in zip(starts, ends, strict=True)]
    return found


def _unique_matches(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return the longest ascending sequence of matches of lines that are unique in both texts."""
    in_old, in_new = Counter(old), Counter(new)
    where = {line: j for j, line in enumerate(new) if in_new[line] == 1}
    pairs = [(i, where[line]) for i, line in enumerate(old) if in_old[line] == 1 and line in where]
    # Patience sorting: each pile ends with the smallest last match of a sequence of its length.
    piles: list[int] = []
    tops: list[int] = []
    above: list[int | None] = []
    for number, (_, j) in enumerate(pairs):
        pile = bisect_left(piles, j)
        piles[pile : pile + 1] = [j]
        tops[pile : pile + 1] = [number]
        above.append(tops[pile - 1] if pile else None)
    result = []
    last = tops[-1] if tops else None
    while last is not None:
        result.append(pairs[last])
        last = above[last]
    return result[::-1]
