"""The only import of `kit/fast` by the rest of the kit: that folder may be deleted."""

from functools import cache
from importlib import import_module
from types import ModuleType


@cache
def fast_module(name: str) -> ModuleType | None:
    """Return the module of this name in `kit/fast`; None if it or the folder was deleted."""
    folder = f"{__package__}.fast"
    try:
        return import_module(f"{folder}.{name}")
    except ModuleNotFoundError as error:
        if error.name not in {folder, f"{folder}.{name}"}:
            raise
        return None
