"""Paths over relations to columns, such as `team__name` and `heroes__any__age`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from .columns import Columns
from .related_rows import RelatedRows, path_steps
from .relations import ManyToOne
from .visibility import Visibility

ANY, NONE, EXISTS = "any", "none", "exists"
_SEPARATOR = "__"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a path, to the rows of a relation."""

    rows: RelatedRows
    quantifier: str = ""
    """`any` or `none` of several rows; empty for a relation to one row, and before `exists`."""


@dataclass(frozen=True, slots=True)
class RelatedPath:
    """A path to a column of related rows; without `attribute`, to whether they exist."""

    steps: tuple[Step, ...]
    attribute: str = ""

    def with_visibility(self, visibility: Visibility) -> "RelatedPath":
        """Return the path over the rows that can be read."""
        steps = [replace(one, rows=visibility.rows(one.rows)) for one in self.steps]
        return replace(self, steps=tuple(steps))

    @property
    def columns(self) -> Columns:
        """The columns of the related rows."""
        return self.steps[-1].rows.columns

    @property
    def name(self) -> str:
        """The attributes of the path."""
        return self._joined_path([one.rows.name for one in self.steps], self.attribute)

    @property
    def json_name(self) -> str:
        """The path in requests."""
        attribute = self.columns.json_name(self.attribute) if self.attribute else ""
        return self._joined_path([one.rows.json_name for one in self.steps], attribute)

    @property
    def is_to_one(self) -> bool:
        """Whether the path leads to a column of at most one row."""
        return bool(self.attribute) and not any(one.rows.is_many for one in self.steps)

    @property
    def reference(self) -> str:
        """The path to the reference with the key of the related row; empty if it has none."""
        relation = self.steps[-1].rows.relation
        if not isinstance(relation, ManyToOne):
            return ""
        before = RelatedPath(self.steps[:-1], relation.by) if self.steps[1:] else None
        return relation.by if before is None else before.name

    def key_paths(self) -> Iterator["RelatedPath"]:
        """Yield the paths to the keys of the rows of all steps, the last one first."""
        for length in range(len(self.steps), 0, -1):
            steps = self.steps[:length]
            yield RelatedPath(steps, steps[-1].rows.columns.key)

    def _joined_path(self, names: Sequence[str], attribute: str) -> str:
        words = [
            word
            for name, step in zip(names, self.steps, strict=True)
            for word in (name, step.quantifier)
        ]
        return _SEPARATOR.join(filter(None, [*words, attribute]))


def related_paths(related: Mapping[str, RelatedRows], texts: Sequence[str]) -> list[RelatedPath]:
    """Return the paths that the texts of a spec allow, in their order.

    `heroes__any__age` allows `heroes__none__age` as well, and both allow `heroes__exists`.
    """
    found = [path for text in texts for path in _allowed_paths(related, path_steps(text))]
    return list({path.name: path for path in found}.values())


def _allowed_paths(
    related: Mapping[str, RelatedRows], words: Sequence[str]
) -> Iterator[RelatedPath]:
    rows: list[RelatedRows] = []
    attribute = ""
    while words and not attribute:
        rows.append(related[words[0]])
        words, related = words[1:], rows[-1].related
        if words and rows[-1].is_many:
            words = words[1:]
        if (rest := _SEPARATOR.join(words)) in rows[-1].columns.properties.readable:
            attribute = rest
    for length in range(1, len(rows) + 1):
        if rows[length - 1].is_many or (length == len(rows) and not attribute):
            for steps in _quantified_steps(rows[: length - 1]):
                yield RelatedPath((*steps, Step(rows[length - 1])))
    if attribute:
        for steps in _quantified_steps(rows):
            yield RelatedPath(steps, attribute)


def _quantified_steps(rows: Sequence[RelatedRows]) -> Iterator[tuple[Step, ...]]:
    """Yield the steps to the rows, with each quantifier of relations to many rows."""
    each = [[Step(one, word) for word in ((ANY, NONE) if one.is_many else ("",))] for one in rows]
    yield from product(*each)
