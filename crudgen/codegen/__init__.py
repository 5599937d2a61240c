"""Schema → SourceTree: prints the files of a generated project."""

from .render import render, render_to_serve
from .tree import Ownership, SourceFile, SourceTree

__all__ = ["Ownership", "SourceFile", "SourceTree", "render", "render_to_serve"]
