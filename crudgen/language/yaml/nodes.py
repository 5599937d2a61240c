"""Nodes of a YAML document, with locations. Reason to change: another kind of node."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from .locations import Location

YamlValue: TypeAlias = "bool | int | Decimal | str | list[YamlValue] | dict[str, YamlValue] | None"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar. A number with a decimal point or exponent is a Decimal, which keeps every digit."""

    location: Location
    value: bool | int | Decimal | str | None


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    location: Location
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a map and its value."""

    key: str
    location: Location
    value: "Node"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A map with distinct string keys."""

    location: Location
    entries: tuple[Entry, ...]

    def get(self, key: str) -> Entry | None:
        """Return the entry of a key, or None."""
        for entry in self.entries:
            if entry.key == key:
                return entry
        return None


Node: TypeAlias = Scalar | Sequence | Mapping


def node_value(node: Node) -> YamlValue:
    """Return the value of a node as lists, dicts and scalars, without locations."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [node_value(item) for item in node.items]
    return {entry.key: node_value(entry.value) for entry in node.entries}


def find_location(root: Node, path: tuple[str | int, ...], *, key: bool = False) -> Location:
    """Return the location of the value (or key) at a path, or of the innermost node that exists."""
    node, location = root, root.location
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str):
            entry = node.get(step)
            if entry is None:
                break
            node = entry.value
            location = entry.location if key or isinstance(node, Mapping) else node.location
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            location = node.location
        else:
            break
    return location
