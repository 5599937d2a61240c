"""Finds parts of a spec by name. Reason to change: the error about an unknown name."""

from collections.abc import Sequence
from typing import Protocol, TypeVar


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Part = TypeVar("_Part", bound=_Named)


def find_named(name: str, parts: Sequence[_Part], kind: str, owner: str = "") -> _Part:
    """Return the part with a name. Raises KeyError if there is none.

    `kind` says what it is, and `owner` what it is a part of.
    """
    for part in parts:
        if part.name == name:
            return part
    known = ", ".join(part.name for part in parts) or "none"
    what = f"{kind} of {owner}" if owner else kind
    raise KeyError(f"no {what} is called {name!r}; known: {known}")
