"""Which of two routes handles a request, and guards: what runs before a request is read."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.routing import BaseRoute


class Guard(ABC):
    """A dependency that is called before the query and the body of a request are read.

    It raises an HTTPException if the request is not allowed.
    """

    is_open: bool
    """Whether requests without credentials are allowed."""

    @abstractmethod
    async def __call__(self, request: Request) -> Any:
        """Return the value of the dependency."""

    def note(self, scope: Mapping[str, Any], value: Any) -> None:
        """Note in the scope of a request what the value says about the caller: here, nothing."""
        del scope, value

    @abstractmethod
    def known(self, app: FastAPI, headers: Mapping[bytes, bytes]) -> tuple[Any] | None:
        """Return the value if no work is needed for it and the request is allowed, else None."""


def guards_of(dependant: Dependant) -> Iterator[Guard]:
    """Yield the guards among the dependencies of a handler."""
    for one in dependant.dependencies:
        if isinstance(one.call, Guard):
            yield one.call
        yield from guards_of(one)


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
