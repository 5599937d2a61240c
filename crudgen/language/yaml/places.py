"""Where a piece of a spec stands; the collector of problems. Changes with what diagnostics say."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from crudgen.errors import Diagnostic

_LONGEST_LINE = 200
_MOST_PER_FILE = 50


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line of one file; line and column count from 1, in characters."""

    file: str
    line: int = 0
    column: int = 0
    length: int = 1
    source: str = ""

    def part(self, offset: int, length: int) -> "Place":
        """Return the place of `length` characters that start `offset` characters further right."""
        return replace(self, column=self.column + offset, length=length)

    def diagnostic(self, problem: str, remedy: str = "") -> Diagnostic:
        """Return a diagnostic for this place; a very long line is shown up to the place."""
        source, length = self.source, self.length
        if len(source) > _LONGEST_LINE:
            room = _LONGEST_LINE - self.column
            source = source[:_LONGEST_LINE] + "…" if room > 0 else ""
            length = min(length, room) if room > 0 else 1
        column = self.column if self.line else 0
        return Diagnostic(self.file, self.line, column, problem, remedy, source, length)


@dataclass(slots=True)
class Problems:
    """Every problem found so far."""

    found: list[Diagnostic] = field(default_factory=list)

    def add(self, place: Place, problem: str, remedy: str = "") -> None:
        """Note one problem."""
        self.found.append(place.diagnostic(problem, remedy))

    def conceal(self, file: str, problem: str, remedy: str) -> None:
        """Note one problem instead of those that would show what is in a file."""
        if any(one.file == file and one.line for one in self.found):
            self.found = [one for one in self.found if one.file != file]
            self.add(Place(file), problem, f"{remedy}; what is in it is not shown")

    def __len__(self) -> int:
        return len(self.found)

    def listed(self) -> list[Diagnostic]:
        """Return the problems in order, each once, and of one file no more than a person reads."""
        kept: list[Diagnostic] = []
        counts: dict[str, int] = {}
        for diagnostic in sorted(set(self.found)):
            counts[diagnostic.file] = counts.get(diagnostic.file, 0) + 1
            if counts[diagnostic.file] <= _MOST_PER_FILE:
                kept.append(diagnostic)
        for file, count in counts.items():
            if count > _MOST_PER_FILE:
                more = f"{count - _MOST_PER_FILE} more problems are not shown"
                kept.append(Diagnostic(file, 0, 0, more))
        return kept


def suggest(word: str, allowed: Iterable[str]) -> str:
    """Return "did you mean 'x'?" for a close miss, otherwise the list of the allowed words."""
    words = [str(candidate) for candidate in allowed]
    lowered = {candidate.lower(): candidate for candidate in words}
    close = get_close_matches(word[:100].lower(), lowered, n=1, cutoff=0.6)
    if close:
        return f"did you mean {shown(lowered[close[0]])}?"
    if not words:
        return "none is possible here"
    listed = ", ".join(words[:40]) + (", …" if len(words) > 40 else "")
    return f"allowed: {listed}"


def shown(value: object) -> str:
    """Return a value of the spec as a message shows it: on one line and short."""
    text = ascii(value) if isinstance(value, bytes) else repr(value)
    return text if len(text) <= 60 else f"{text[:56]}…{text[-1]}"
