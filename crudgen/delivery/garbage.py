"""Control of the garbage collector at starts and reloads. Reason to change: caches of libraries."""

import gc
import sys

from crudgen.kit.fast.garbage import paused_collection

__all__ = ["clear_caches", "free_memory", "paused_collection"]


def free_memory() -> None:
    """Free the memory of unloaded packages: classes are reference cycles."""
    clear_caches()
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def clear_caches() -> None:
    """Clear the caches of FastAPI, which hold references to the functions of unloaded packages."""
    fastapi = sys.modules.get("fastapi.dependencies.models")
    for cache in vars(fastapi).values() if fastapi else ():
        if hasattr(cache, "cache_clear"):
            cache.cache_clear()
