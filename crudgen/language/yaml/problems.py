"""Collects the diagnostics of a spec. Reason to change: how diagnostics are sorted or limited."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from crudgen.errors import Diagnostic

from .locations import Location

_MAX_PER_FILE = 50


@dataclass(slots=True)
class Problems:
    """A collection of diagnostics."""

    diagnostics: list[Diagnostic] = field(default_factory=list)

    def add(self, location: Location, problem: str, remedy: str = "") -> None:
        """Add a diagnostic for a location."""
        self.diagnostics.append(location.diagnostic(problem, remedy))

    def conceal(self, file: str, problem: str, remedy: str) -> None:
        """Replace the diagnostics of a file by one that does not quote it."""
        if any(found.file == file and found.line for found in self.diagnostics):
            self.diagnostics = [found for found in self.diagnostics if found.file != file]
            self.add(Location(file), problem, f"{remedy}; its content is not shown")

    def __len__(self) -> int:
        return len(self.diagnostics)

    def sorted_diagnostics(self) -> list[Diagnostic]:
        """Return the diagnostics sorted, without duplicates, and limited per file."""
        kept: list[Diagnostic] = []
        counts: dict[str, int] = {}
        for diagnostic in sorted(set(self.diagnostics)):
            counts[diagnostic.file] = counts.get(diagnostic.file, 0) + 1
            if counts[diagnostic.file] <= _MAX_PER_FILE:
                kept.append(diagnostic)
        for file, count in counts.items():
            if count > _MAX_PER_FILE:
                more = f"{count - _MAX_PER_FILE} more problems are not shown"
                kept.append(Diagnostic(file, 0, 0, more))
        return kept


def suggest(word: str, allowed: Iterable[str]) -> str:
    """Return "did you mean 'x'?" if an allowed word is similar, else a list of them."""
    words = [str(candidate) for candidate in allowed]
    lowered = {candidate.lower(): candidate for candidate in words}
    close = get_close_matches(word[:100].lower(), lowered, n=1, cutoff=0.6)
    if close:
        return f"did you mean {quoted(lowered[close[0]])}?"
    if not words:
        return "no value is allowed here"
    listed = ", ".join(words[:40]) + (", …" if len(words) > 40 else "")
    return f"allowed: {listed}"


def quoted(value: object) -> str:
    """Return a value in quotes for a message: on one line, shortened to 60 characters."""
    text = ascii(value) if isinstance(value, bytes) else repr(value)
    return text if len(text) <= 60 else f"{text[:56]}…{text[-1]}"
