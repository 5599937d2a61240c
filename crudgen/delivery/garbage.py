"""Controls the garbage collector during reloads. Changes when libraries keep other caches."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Disable the garbage collector for a block, and exempt the objects created there.

    Creating an application produces no garbage. With many entities, full collections would slow
    down the start, and delay requests later.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


def free() -> None:
    """Free the objects of unloaded packages.

    Caches of FastAPI hold references to the functions of former generations. Classes are reference
    cycles, which only the garbage collector frees.
    """
    fastapi = sys.modules.get("fastapi.dependencies.models")
    for cache in vars(fastapi).values() if fastapi else ():
        if hasattr(cache, "cache_clear"):
            cache.cache_clear()
    gc.unfreeze()
    gc.collect()
    gc.freeze()
