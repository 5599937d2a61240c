"""The source tree: an immutable mapping of paths to texts. Reason to change: data of a file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .needs import Need


class Ownership(StrEnum):
    """Who owns a file after it is written."""

    GENERATED = "generated"
    """crudgen: rewritten by each `emit`."""
    ONCE = "once"
    """The user: written only if it does not exist."""


@dataclass(frozen=True, slots=True, order=True)
class SourceFile:
    """A file: its relative path with forward slashes, and its text."""

    path: str
    text: str
    ownership: Ownership = Ownership.GENERATED
    needs: tuple[Need, ...] = field(default=(), compare=False)
    """What the file must contain after the user edited it."""
    part: str = field(default="", compare=False)
    """Table of the entity and kind of the file, such as `hero/models.py`; empty for other files."""
    former_parts: tuple[str, ...] = field(default=(), compare=False)
    """The same with the former names of the table."""
    location: str = field(default="", compare=False)
    """Absolute path of the file of a project that has this text, if the user wrote or edited it."""


class SourceTree(Mapping[str, str]):
    """The texts of a project's files by path, sorted. Trees with equal texts are equal."""

    __slots__ = ("_files",)

    def __init__(self, files: Iterable[SourceFile]) -> None:
        self._files = {file.path: file for file in sorted(files)}

    def __getitem__(self, path: str) -> str:
        return self._files[path].text

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """Every file with its ownership, sorted by path."""
        return tuple(self._files.values())
