"""Python's garbage collector, and the heap of an application with a thousand entities."""

import gc
import sys


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
