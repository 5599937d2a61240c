"""What a spec file holds: values that know their places. Changes with what YAML may say at all."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from .places import Place

Plain: TypeAlias = "bool | int | Decimal | str | list[Plain] | dict[str, Plain] | None"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value; a number with a point or an exponent is a Decimal, so that no digit is lost."""

    place: Place
    value: bool | int | Decimal | str | None


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    place: Place
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a map."""

    key: str
    place: Place
    value: "Node"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A map; its keys are different texts."""

    place: Place
    entries: tuple[Entry, ...]

    def get(self, key: str) -> Entry | None:
        """Return the entry of a key, if there is one."""
        return next((entry for entry in self.entries if entry.key == key), None)


Node: TypeAlias = Scalar | Sequence | Mapping


def plain(node: Node) -> Plain:
    """Return the value of a node without its places."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {entry.key: plain(entry.value) for entry in node.entries}


def find(root: Node, path: tuple[str | int, ...], *, key: bool = False) -> Place:
    """Return the place of the value (or key) at a path, or of the nearest thing around it."""
    node, place = root, root.place
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str):
            entry = node.get(step)
            if entry is None:
                break
            node = entry.value
            place = entry.place if key or isinstance(node, Mapping) else node.place
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            place = node.place
        else:
            break
    return place
