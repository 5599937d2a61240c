"""Control of the garbage collector at starts and reloads. Reason to change: caches of libraries."""

import gc
import sys

from crudgen.kit.fast.garbage import paused_collection

__all__ = ["free_memory", "paused_collection"]


def free_memory() -> None:
    """Free the memory of unloaded packages.

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
