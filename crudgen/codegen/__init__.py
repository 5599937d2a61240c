"""Schema → SourceTree: generates the files of a project."""

from .render import render, render_to_serve
from .tree import Ownership, SourceFile, SourceTree

__all__ = ["Ownership", "SourceFile", "SourceTree", "render", "render_to_serve"]
