"""The only way from the rest of the kit to `kit/fast`, which may be deleted."""

from functools import cache
from importlib import import_module
from types import ModuleType


@cache
def fast_module(name: str) -> ModuleType | None:
    """Import a module of `kit/fast`; return None if that folder was deleted."""
    folder = f"{__package__}.fast"
    try:
        import_module(folder)
    except ModuleNotFoundError:
        return None
    return import_module(f"{folder}.{name}")
