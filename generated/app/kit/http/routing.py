"""The request pipeline: strict JSON, known query parameters, and errors without input values."""

import re
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import Any, get_args, get_origin
from urllib.parse import unquote_to_bytes

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from ..acceleration import fast_module
from ..database.faults import http_error
from ..errors import problem, to_problems
from ..limits import limits_of
from ..models import MAX_INT
from ..query.parameters import is_utf8, read_pairs, without_surrogates
from ..query.query_parameters import QueryParameters
from .content import check_content
from .etag import conditional_response
from .head_route import HeadRoute
from .json_body import parse
from .openapi import describe_operation
from .precedence import guards_of

OUTCOME = "app.outcome"
"""Key of a request's scope: the response, or the exception, that was decided before routing."""
_MANY = {list, set, frozenset, tuple}
_INTEGER = re.compile(r"-?[0-9]+")
_NOT_UTF8 = "The query should be UTF-8, percent-encoded"
REPLACEMENT = "\ufffd"


def announced_length(header: str) -> int:
    """Return a Content-Length, at most MAX_INT; 0 if it is invalid."""
    digits = header.lstrip("0")
    if not (digits.isascii() and digits.isdigit()):
        return 0
    return int(digits) if len(digits) < 19 else MAX_INT


class JsonRequest(Request):
    """A request with a query in UTF-8 and a body of strict JSON (see json_body.py)."""

    @property
    def query_params(self) -> QueryParams:
        """The query parameters."""
        if not hasattr(self, "_query_params"):
            self._query_params = QueryParams(read_pairs(self.scope["query_string"]))
        return self._query_params

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the parts of the body; raise HTTPException 413 if it is too long."""
        limit = limits_of(self.app).body_bytes
        too_large = HTTPException(413, f"The body should have at most {limit} bytes")
        if announced_length(self.headers.get("content-length", "")) > limit:
            raise too_large
        size = 0
        async for chunk in super().stream():
            size += len(chunk)
            if size > limit:
                raise too_large
            yield chunk

    async def json(self) -> Any:
        """Return the parsed body; raise HTTPException 422 if it is invalid."""
        return parse(await self.body(), limits_of(self.app).json_depth)


class Route(HeadRoute):
    """A route that also matches its path without the final slash, and rejects unknown parameters.

    Raises HTTPException 415 for a body that is not JSON, RequestValidationError (422) for unknown
    or repeated query parameters, and converts errors of the database driver to 409, 422 or 503.
    """

    siblings: Sequence[BaseRoute] = ()
    """The routes of its router."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        if described := describe_operation(self):
            self.openapi_extra = {**described, **(self.openapi_extra or {})}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return how the route matches a scope. `/heroes` also matches the route `/heroes/`.

        Starlette's redirect would trust the Host header of the request.
        """
        if REPLACEMENT in scope["path"] and not _is_utf8_path(scope):
            return Match.NONE, {}
        match, child_scope = super().matches(scope)
        if match is not Match.NONE and self._belongs_to_sibling(scope["path"], child_scope):
            return Match.NONE, {}
        if match is Match.NONE and self.path.endswith("/") and not scope["path"].endswith("/"):
            return super().matches({**scope, "path": scope["path"] + "/"})
        return match, child_scope

    def _belongs_to_sibling(self, path: str, child_scope: Scope) -> bool:
        """Return whether a path such as `/heroes/bulk` is a sibling's: its key is invalid."""
        if "{" not in self.path or not any(
            isinstance(one, Route) and "{" not in one.path and path.endswith(one.path)
            for one in self.siblings
        ):
            return False
        given = child_scope["path_params"]
        checked = [
            field.validate(given.get(field.alias), {}, loc=("path",))
            for field in self.dependant.path_params
        ]
        return any(errors for _, errors in checked)

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """Return FastAPI's handler, with the kit's checks before it and its errors converted."""
        handler = super().get_route_handler()
        known = dict(_query_parameters(self.dependant))
        takes_body = self.body_field is not None
        decide = _early_response_decider(self.dependant)

        async def handle(request: Request) -> Response:
            request = JsonRequest(request.scope, request.receive)
            try:
                if (outcome := await decide(request)) is not None:
                    return conditional_response(outcome, request)
                if request.scope["query_string"]:
                    _check_query_names(request, known)
                if takes_body and await request.body():
                    check_content(request.headers)
                return conditional_response(await handler(request), request)
            except RequestValidationError as error:
                raise _validation_error(error.errors()) from None
            except ClientDisconnect:
                # The client is gone: the response is only logged.
                raise HTTPException(400, "The body is incomplete") from None
            except Exception as error:
                answer = http_error(error)
                if answer is error:
                    raise
                raise answer from error

        return handle


def _early_response_decider(
    dependant: Dependant,
) -> Callable[[Request], Awaitable[Response | None]]:
    """Return the function that returns or raises a response decided before a request is read.

    It comes from middleware before routing, or from the guards of the handler.
    """
    guards = [*guards_of(dependant)]

    async def decide(request: Request) -> Response | None:
        outcome = request.scope.get(OUTCOME)
        if isinstance(outcome, Response):
            return outcome
        if outcome is not None:
            raise outcome
        for guard in guards:
            if guard not in request.app.dependency_overrides:
                await guard(request)
        return None

    return decide


class Router(APIRouter):
    """A router whose routes all begin with its prefix.

    Other paths are skipped without building the routes. `description` is that of its tags.
    """

    def __init__(self, *, prefix: str, description: str = "", **options: Any) -> None:
        self.description = description
        lazy = fast_module("lazy")
        route_class = lazy.LazyRoute if lazy else Route
        super().__init__(prefix=prefix, route_class=route_class, **options)

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add a route, and set its siblings."""
        super().add_api_route(path, endpoint, **options)
        route = self.routes[-1]
        if isinstance(route, Route):
            route.siblings = self.routes

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return how a route matches a scope; Match.NONE if the path lacks the prefix."""
        if self.prefix not in scope["path"]:
            return Match.NONE, {}
        return super().matches(scope)


def _query_parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """Yield the names of the query parameters, each with whether it may be repeated."""
    for field in dependant.query_params:
        annotation = field.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            for name, one in annotation.model_fields.items():
                yield one.alias or name, _is_list_type(one.annotation)
        else:
            yield field.alias, _is_list_type(annotation)
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, QueryParameters):
            yield from ((name, one.is_many) for name, one in dependency.call.by_name.items())
        yield from _query_parameters(dependency)


def _is_list_type(annotation: Any) -> bool:
    return any(get_origin(one) in _MANY for one in (annotation, *get_args(annotation)))


def _check_query_names(request: Request, known: dict[str, bool]) -> None:
    problems = []
    for name in dict.fromkeys(request.query_params):
        values = request.query_params.getlist(name)
        if not is_utf8(name):
            problems.append(
                problem("string_unicode", ["query", without_surrogates(name)], _NOT_UTF8)
            )
        elif name not in known:
            some = ", ".join(_similar_parameters(name, known))
            rest = f"allowed parameters include: {some}" if some else "none is allowed"
            message = f"Unknown parameter; {rest}"
            problems.append(problem("unknown_parameter", ["query", name], message))
        elif len(values) > 1 and not known[name]:
            message = "The parameter should be given once"
            problems.append(problem("repeated_parameter", ["query", name], message))
        elif any("\0" in value for value in values):
            problems.append(problem("string_nul", ["query", name], "NUL is not allowed"))
        elif not all(map(is_utf8, values)):
            problems.append(problem("string_unicode", ["query", name], _NOT_UTF8))
    if problems:
        raise RequestValidationError(to_problems(problems))


def _similar_parameters(name: str, known: Iterable[str]) -> list[str]:
    """Return the known parameters of the same property, or else all those without an operator."""
    base = name.partition("__")[0]
    operators = sorted(one for one in known if one.partition("__")[0] == base)
    return operators or sorted(one for one in known if "__" not in one)


def _validation_error(errors: Sequence[Any]) -> Exception:
    """Return HTTPException 404 if no row can have the key, else RequestValidationError (422)."""
    if any(_is_impossible_key(one) for one in errors):
        return HTTPException(404)
    return RequestValidationError(to_problems(errors))


def _is_impossible_key(error: Mapping[str, Any]) -> bool:
    """Return whether an error is about an integer key that no row can have, such as `01`."""
    return (
        error["loc"][:1] == ("path",)
        and error["type"] in {"int_parsing", "int_parsing_size"}
        and _INTEGER.fullmatch(str(error["input"])) is not None
    )


def _is_utf8_path(scope: Scope) -> bool:
    """Return whether the path is UTF-8: servers replace invalid bytes by U+FFFD."""
    sent = unquote_to_bytes(scope.get("raw_path") or b"%FF")
    try:
        sent.decode()
    except UnicodeDecodeError:
        return False
    return True
