"""Lines that a file of the user lacks. Reason to change: how they are reported."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class MissingLine:
    """A line that a file of the user lacks."""

    line: str
    where: str
    """Where the line belongs, as a phrase: `at the end`."""


class Need(Protocol):
    """Something that the text of a file must contain."""

    def missing_lines(self, text: str) -> Iterator[MissingLine]:
        """Yield the lines that the text lacks."""
        ...


@dataclass(frozen=True, slots=True)
class Mention:
    """A line that a file with the text `beside` must contain, unless it has one of `words`."""

    beside: str
    words: tuple[str, ...]
    line: str
    where: str

    def missing_lines(self, text: str) -> Iterator[MissingLine]:
        """Yield the line if the text lacks it."""
        if self.beside in text and not any(word in text for word in self.words):
            yield MissingLine(self.line, self.where)
