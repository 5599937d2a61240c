"""The order of routes: of two routes for the same requests, the first one is used."""

import re
from collections.abc import Sequence

from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.routing import BaseRoute

_PARAMETER = re.compile(r"\{[^{}:]*\}")


def routes_in_use(routes: Sequence[BaseRoute]) -> list[RouteContext] | None:
    """Return the routes that can receive requests, or None if all of them can.

    FastAPI would document the last of several routes for a path and a method.
    """
    is_shadowed = False
    used: list[RouteContext] = []
    taken: set[tuple[str, str]] = set()
    for context in iter_route_contexts(routes):
        if context.path is None or context.methods is None:  # a mounted application, for example
            used.append(context)
            continue
        template = _PARAMETER.sub("{}", context.path)
        operations = {(template, method) for method in context.methods}
        is_documented = isinstance(context.original_route, APIRoute)
        is_shadowed = is_shadowed or (is_documented and not operations.isdisjoint(taken))
        if operations <= taken:
            continue
        # FastAPI replaces the description of an operation by a later one.
        used.insert(0 if operations & taken else len(used), context)
        taken |= operations
    return used if is_shadowed else None
