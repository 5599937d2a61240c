"""Finds parts of a spec by name. Reason to change: the error about an unknown name."""

from collections.abc import Iterable
from typing import Protocol, TypeVar


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Part = TypeVar("_Part", bound=_Named)


def named(name: str, parts: Iterable[_Part], kind: str) -> _Part:
    """Return the part with a name. Raises KeyError if there is none; `kind` says what it is."""
    names = []
    for part in parts:
        if part.name == name:
            return part
        names.append(part.name)
    known = ", ".join(names) or "none"
    raise KeyError(f"no {kind} is called {name!r}; known: {known}")
