"""Resolving a dependency that an application overrides."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.dependencies.utils import get_dependant, solve_dependencies
from fastapi.exceptions import RequestValidationError


async def resolve_override(override: Callable[..., Any], request: Request) -> Any:
    """Return the value of an override for a request. Its own dependencies are resolved first.

    FastAPI closes it at the end of the request. Raises RequestValidationError (422) if one of its
    parameters is invalid.
    """

    def value_of(value: Annotated[Any, Depends(override)]) -> Any:
        return value

    stack: AsyncExitStack = request.scope["fastapi_inner_astack"]
    solved = await solve_dependencies(
        request=request,
        dependant=get_dependant(path=request.scope["path"], call=value_of),
        dependency_overrides_provider=request.app,
        async_exit_stack=stack,
        embed_body_fields=False,
    )
    if solved.errors:
        raise RequestValidationError(solved.errors)
    return solved.values["value"]
