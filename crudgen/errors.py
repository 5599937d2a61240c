"""Exceptions and diagnostics. Reason to change: another kind of error.

Messages say what was found, where, and what to do.

CrudgenError
├── SpecError        the spec is invalid; contains all diagnostics
├── OutputError      the output folder cannot be written, or has files that must not be overwritten
├── DriftError       the output folder differs from what the spec generates
├── ServeError       the application cannot start, for example because the port is in use
├── DatabaseError    the database cannot be read or changed
│   └── NotConnectedError    there is no database at the URL, or no connection to it
├── DataError        a file of rows cannot be read or written, or its rows are refused
├── ArgumentError    an argument of a command is invalid
└── TablesError      the tables do not follow a spec that is served: a command has to change them
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

_CREDENTIALS = re.compile(r"(?<=://)[^\s'\"]*@")
"""Matches user and password in a URL, even if the password contains an unescaped @."""


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """A problem in a spec, with its location and remedy.

    `line` and `column` (in characters) count from 1; both are 0 for a problem of the entire file.
    `source` is the text of the line, `length` the number of characters that are marked in it.
    """

    file: str
    line: int
    column: int
    problem: str
    remedy: str = ""
    source: str = ""
    length: int = 1

    @property
    def location(self) -> str:
        """Return `file:line:column`, or only the file."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        head = f"{self.location}: {_masked(self.problem)}"
        if not self.line:
            return f"{head}\n  {self.remedy}" if self.remedy else head
        gutter = f"  {self.line} | "
        # Keep tabs, so that the caret has the same indentation as the source.
        indent = "".join("\t" if c == "\t" else " " for c in self.source[: self.column - 1])
        margin = " " * (len(gutter) - 2) + "| "
        caret = f"{margin}{indent}{'^' * max(self.length, 1)} {self.remedy}".rstrip()
        return f"{head}\n{gutter}{_masked(self.source)}\n{caret}"


def _masked(text: str) -> str:
    """Return the text with asterisks for users and passwords in URLs; its length is the same."""
    return _CREDENTIALS.sub(lambda found: "*" * (len(found[0]) - 1) + "@", text)


class CrudgenError(Exception):
    """Base class of the exceptions of crudgen."""

    exit_code: ClassVar[int] = 1
    """How a command ends."""
    is_about_database = False
    """Whether the database of the settings cannot be used, so that its URL may be wrong."""

    @classmethod
    def of_startup(cls, error: Exception) -> Self:
        """Return the error for one that prevents the start of an application."""
        found = cls(str(getattr(error, "message", error)))
        # A mark: each application has its own copy of the kit, with its own classes.
        found.is_about_database = getattr(error, "is_about_database", False)
        return found


class SpecError(CrudgenError):
    """The spec is invalid. `diagnostics` contains all problems, sorted by file and line."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(diagnostics))
        super().__init__("\n\n".join(str(diagnostic) for diagnostic in self.diagnostics))


class OutputError(CrudgenError):
    """A file or folder cannot be written, or must not be overwritten."""


class DriftError(CrudgenError):
    """The output folder differs from the code that is generated from the spec."""


class ServeError(CrudgenError):
    """The application or its server cannot start."""


class OwnCodeError(ServeError):
    """Code of the user in a project raised an exception, so it cannot be served."""


class DatabaseError(CrudgenError):
    """A database cannot be read or changed, or the rows in it prevent a change."""


class NotConnectedError(DatabaseError):
    """There is no database at a URL, or no connection to it."""


class DataError(CrudgenError):
    """A file of rows cannot be read or written, or a database refuses its rows."""


class ArgumentError(CrudgenError):
    """An argument of a command is invalid, whatever the database contains."""

    exit_code = 2


class TablesError(CrudgenError):
    """The tables do not follow a spec that is served, because of some entities."""

    def __init__(
        self,
        message: str,
        files: Iterable[str] = (),
        *,
        is_possible: bool = False,
        may_be_renamed: bool = False,
        by_revisions: bool = False,
    ) -> None:
        """Set the files of these entities, and what `crudgen apply` would do."""
        super().__init__(message)
        self.files = frozenset(files)
        self.is_possible = is_possible
        """Whether `crudgen apply` makes the change."""
        self.may_be_renamed = may_be_renamed
        """Whether something new may be something former under another name."""
        self.by_revisions = by_revisions
        """Whether a revision has to change the tables."""
