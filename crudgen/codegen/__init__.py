"""Schema → source: what each entity's models, routes and tests look like in Python."""

from .render import render
from .tree import Ownership, SourceFile, SourceTree

__all__ = ["Ownership", "SourceFile", "SourceTree", "render"]
