"""The one rendered source: an immutable mapping from path to text that every verb consumes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Ownership(StrEnum):
    """Who may change a file after it was written."""

    GENERATED = "generated"
    """crudgen writes it again at every emit."""
    ONCE = "once"
    """Written when absent, then the user's."""


@dataclass(frozen=True, slots=True, order=True)
class SourceFile:
    """One file: a relative path with forward slashes, and its text."""

    path: str
    text: str
    ownership: Ownership = Ownership.GENERATED


class SourceTree(Mapping[str, str]):
    """Path → text, sorted by path. Two trees are equal when every path and text is."""

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
