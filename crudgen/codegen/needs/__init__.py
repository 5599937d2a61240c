"""What files of the user must contain: declared in the manifest, and checked by `emit`."""

from .lines import Mention, MissingLine, Need
from .modules import Argument, KitImports, ServerProtocol, Variable
from .requirements import Required, ToolTable

__all__ = [
    "Argument",
    "KitImports",
    "Mention",
    "MissingLine",
    "Need",
    "Required",
    "ServerProtocol",
    "ToolTable",
    "Variable",
]
