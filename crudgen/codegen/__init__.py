"""Schema → SourceTree: prints the files of a generated project."""

from .render import render
from .tree import Ownership, SourceFile, SourceTree

__all__ = ["Ownership", "SourceFile", "SourceTree", "render"]
