"""Schema → source: what each entity's models, routes and tests look like in Python."""

from .render import render, render_to_serve
from .tree import Ownership, SourceFile, SourceTree

__all__ = ["Ownership", "SourceFile", "SourceTree", "render", "render_to_serve"]
