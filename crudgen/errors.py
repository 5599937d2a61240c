"""What can go wrong, and how it is said: every message names what was found, where, and what to do.

CrudgenError
├── SpecError        the YAML says something that cannot be built; carries every diagnostic
├── OutputError      the output folder holds something that must not be overwritten
├── DriftError       the output folder is not what the spec generates
└── ServeError       the generated application does not start: the database differs, a port is taken
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_PASSWORD = re.compile(r"(?<=://)[^\s'\"]*@")
"""What stands before the host in a URL, also where a password has an @ of its own."""


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """One problem in a spec, with its place.

    `line` and `column` count from 1, in characters; both are 0 when the whole file is meant.
    `source` is the offending line as written, `length` how many characters the caret marks.
    """

    file: str
    line: int
    column: int
    problem: str
    remedy: str = ""
    source: str = ""
    length: int = 1

    @property
    def place(self) -> str:
        """`file:line:column`, or the file alone."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        head = f"{self.place}: {_masked(self.problem)}"
        if not self.line:
            return f"{head}\n  {self.remedy}" if self.remedy else head
        gutter = f"  {self.line} | "
        # A tab stays a tab above the caret, so that both lines are indented alike.
        indent = "".join("\t" if c == "\t" else " " for c in self.source[: self.column - 1])
        margin = " " * (len(gutter) - 2) + "| "
        caret = f"{margin}{indent}{'^' * max(self.length, 1)} {self.remedy}".rstrip()
        return f"{head}\n{gutter}{_masked(self.source)}\n{caret}"


def _masked(text: str) -> str:
    """Hide users and passwords of URLs; what is behind stays at its column."""
    return _PASSWORD.sub(lambda found: "*" * (len(found[0]) - 1) + "@", text)


class CrudgenError(Exception):
    """Base of every error that crudgen raises on purpose."""


class SpecError(CrudgenError):
    """The spec cannot be built. `diagnostics` holds every problem, in file and line order."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(diagnostics))
        super().__init__("\n\n".join(str(diagnostic) for diagnostic in self.diagnostics))


class OutputError(CrudgenError):
    """Writing would destroy something that crudgen did not make."""


class DriftError(CrudgenError):
    """What is on disk is not what the spec generates."""


class ServeError(CrudgenError):
    """The application cannot be started as asked."""
