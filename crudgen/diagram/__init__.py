"""Schema → a diagram of its entities and relations. Reason to change: another format.

The formats are Mermaid, which other programs lay out, and SVG, which is laid out here.
"""

from .contents import Diagram, diagram_of
from .mermaid import as_mermaid
from .svg import STYLE, as_svg

__all__ = ["STYLE", "Diagram", "as_mermaid", "as_svg", "diagram_of"]
