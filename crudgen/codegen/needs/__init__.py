"""What files of the user must contain: declared in the manifest, and checked by `emit`."""

from .lines import Mention, MissingLine, Need
from .modules import Argument, Function, KitImports, ServerProtocol, Variable, bound_names
from .requirements import Required, ToolTable

__all__ = [
    "Argument",
    "Function",
    "KitImports",
    "Mention",
    "MissingLine",
    "Need",
    "Required",
    "ServerProtocol",
    "ToolTable",
    "Variable",
    "bound_names",
]
