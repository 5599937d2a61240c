"""Python's garbage collector, and the heap of an application with a thousand entities."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Run a block without the collector, then leave what was made there out of its rounds.

    It would find nothing in an application that is being made, for a third of the time; later on,
    each of its full rounds would hold up every request for half a second.
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
    """Free what was unloaded: hundreds of reloads would pile up otherwise.

    FastAPI remembers the last 4096 functions that it has looked at, and each of them holds its
    generation. Classes are cycles, which wait for the collector.
    """
    fastapi = sys.modules.get("fastapi.dependencies.models")
    for cache in vars(fastapi).values() if fastapi else ():
        if hasattr(cache, "cache_clear"):
            cache.cache_clear()
    gc.unfreeze()
    gc.collect()
    gc.freeze()
