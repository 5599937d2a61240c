"""A shortcut that calls a handler without FastAPI's routing and dependency injection.

FastAPI's work for a request (matching routes, dependencies, exit stacks) takes much longer than a
read by key. The shortcut is used for valid requests to handlers whose parameters the kit knows.
All other requests and all errors are passed on to FastAPI, so your own middleware, dependencies
and exception handlers work as FastAPI documents. `SHORTCUT=false` turns it off.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from asgi_correlation_id import correlation_id
from fastapi import FastAPI, HTTPException, Response
from fastapi.routing import RouteContext
from starlette.types import Message, Receive, Scope, Send

from ..database import Database, database
from ..database.dependencies import database_for
from ..http.headers import Header, JsonText, with_default_headers
from ..http.json_body import parse
from ..http.limiting import TimedReceive
from ..http.precedence import Guard
from ..http.routing import OUTCOME, JsonRequest
from ..limits import limits_of
from ..query.parameters import is_utf8, read_pairs
from ..query.query_parameters import QueryParameters
from .path_key import PathKey
from .query_cache import QueryCache
from .request_ids import REQUEST_ID_HEADER, new_request_id

_PASSED_ON = {REQUEST_ID_HEADER, b"if-none-match", b"content-encoding"}
"""Requests with one of these headers are passed on to FastAPI."""
_PLAIN = {Response, JsonText}
"""Classes of responses that contain the complete body: others may be streams or files."""
_DIGITS = re.compile(rb"[0-9]{1,18}")


class Shortcut:
    """Calls one handler with the arguments that its signature requires."""

    def __init__(self, context: RouteContext) -> None:
        dependant = context.dependant
        self.endpoint: Any = context.endpoint
        self._key = PathKey(dependant.path_params[0]) if dependant.path_params else None
        self._query = {field.alias: field for field in dependant.query_params}
        self._headers = {one.alias.lower().encode(): one for one in dependant.header_params}
        self.passed_on = _PASSED_ON | self._headers.keys()
        self._body = context.body_field
        self._request_name: str | None = dependant.request_param_name
        self._database_names = [
            one.name for one in dependant.dependencies if one.name and one.call is database
        ]
        self._queries = {
            one.name: QueryCache(one.call)
            for one in dependant.dependencies
            if one.name and isinstance(one.call, QueryParameters)
        }
        self._guards = [
            (one.name, one.call)
            for one in dependant.dependencies
            if one.name and isinstance(one.call, Guard)
        ]
        self._scope = {"endpoint": context.endpoint, "route": context.original_route}
        self.path = str(context.path)
        self.entity = str(context.tags[0]) if context.tags else None
        """The first tag of the route."""

    async def answer(
        self, app: FastAPI, key: str, scope: Scope, receive: Receive, send: Send
    ) -> Receive | None:
        """Handle the request and return None; or return the `receive` to pass on to FastAPI."""
        headers = dict(reversed(scope["headers"]))  # of two with one name, the first counts
        arguments: dict[str, Any] = {}
        if self._guards and len(headers) != len(scope["headers"]):
            return receive
        if not self._accepts(app, key, headers, scope, arguments):
            return receive
        if self._body is not None:
            is_good, receive = await self._take_body(app, headers, scope, receive, arguments)
            if not is_good:
                return receive
        found = await self._call(app, key, scope, receive, arguments)
        if found is None:
            return receive
        response, sent = found
        start = {"type": "http.response.start", "status": response.status_code}
        await send({**start, "headers": sent})
        await send({"type": "http.response.body", "body": response.body})
        return None

    async def respond(
        self,
        app: FastAPI,
        key: str,
        headers: Mapping[bytes, bytes],
        body: bytes,
        scope: Scope,
        receive: Receive,
    ) -> tuple[Response, list[Header]] | None:
        """Return the response to a request whose body has arrived, and its headers.

        Return None if the request is to be passed on to FastAPI. `headers` are those of the scope,
        none of which is repeated.
        """
        arguments: dict[str, Any] = {}
        if not self._accepts(app, key, headers, scope, arguments):
            return None
        if self._body is not None:
            limits = limits_of(app)
            if (
                headers.get(b"content-type") != b"application/json"
                or len(body) > limits.body_bytes
                or not self._read_body(body, limits.json_depth, arguments)
            ):
                return None
        return await self._call(app, key, scope, receive, arguments)

    def _accepts(
        self,
        app: FastAPI,
        key: str,
        headers: Mapping[bytes, bytes],
        scope: Scope,
        arguments: dict[str, Any],
    ) -> bool:
        """Add the arguments from the head of a request; return whether they are valid."""
        return (
            headers.keys().isdisjoint(self.passed_on)
            and self.is_allowed(app, headers, scope, arguments)
            and self.read_parameters(key, scope["query_string"], arguments)
        )

    async def _call(
        self, app: FastAPI, key: str, scope: Scope, receive: Receive, arguments: dict[str, Any]
    ) -> tuple[Response, list[Header]] | None:
        """Call the handler; return its response and the headers to send.

        Return None if FastAPI has to send the outcome, which is then in the scope.
        """
        request_id = new_request_id()
        correlation_id.set(request_id)
        scope["headers"].append((REQUEST_ID_HEADER, request_id.encode()))
        self.add_arguments(
            arguments,
            lambda: database_for(app, scope),
            lambda: self.request(app, key, scope, receive),
        )
        try:
            response = await self.endpoint(**arguments)
        except Exception as error:
            scope[OUTCOME] = error
            return None
        if type(response) not in _PLAIN or response.background is not None:
            scope[OUTCOME] = (
                response if isinstance(response, Response) else _wrong_type_error(response)
            )
            return None
        sent = [*response.raw_headers, (REQUEST_ID_HEADER, request_id.encode())]
        return response, with_default_headers(sent)

    @property
    def has_body(self) -> bool:
        """Whether the handler has a body as argument."""
        return self._body is not None

    @property
    def takes_only_key(self) -> bool:
        """Whether the handler is called with a database and a key only."""
        others = (self._guards, self._queries, self._query, self._headers, self._request_name)
        return self._key is not None and not any(others)

    def add_arguments(
        self,
        arguments: dict[str, Any],
        db: Callable[[], Database],
        request: Callable[[], JsonRequest],
    ) -> None:
        """Add the arguments that do not come from the client."""
        for field in self._headers.values():
            arguments[field.name] = field.get_default()
        for name in self._database_names:
            arguments[name] = db()
        if self._request_name is not None:
            arguments[self._request_name] = request()

    def is_allowed(
        self,
        app: FastAPI,
        headers: Mapping[bytes, bytes],
        scope: Mapping[str, Any],
        arguments: dict[str, Any],
    ) -> bool:
        """Add what guards know of the caller; return whether they allow the request.

        No header may be repeated.
        """
        for name, guard in self._guards:
            found = guard.known(app, headers)
            if found is None:
                return False
            (arguments[name],) = found
            guard.note(scope, *found)
        return True

    def read_parameters(self, key: str, query: bytes, arguments: dict[str, Any]) -> bool:
        """Validate the key and the query as FastAPI does; return whether they are valid."""
        if self._key is not None:
            arguments[self._key.name], is_valid = self._key.read(key)
            if not is_valid:
                return False
        for name, queries in self._queries.items():
            arguments[name] = queries.read(query)
            return arguments[name] is not None
        return self._read_query(query, arguments) if query or self._query else True

    def _read_query(self, query: bytes, arguments: dict[str, Any]) -> bool:
        """Validate the query parameters that FastAPI knows; return whether they are valid."""
        sent = read_pairs(query)
        given = dict(sent)
        if len(given) != len(sent) or not given.keys() <= self._query.keys():
            return False
        for alias, field in self._query.items():
            if alias in given:
                arguments[field.name], errors = field.validate(given[alias], {}, loc=("query",))
                if errors or "\0" in given[alias] or not is_utf8(given[alias]):
                    return False
            elif field.field_info.is_required():
                return False
            else:
                arguments[field.name] = field.get_default()
        return True

    async def _take_body(
        self,
        app: FastAPI,
        headers: Mapping[bytes, bytes],
        scope: Scope,
        receive: Receive,
        arguments: dict[str, Any],
    ) -> tuple[bool, Receive]:
        """Read the body; return whether it is valid, and the `receive` to use from now on."""
        limits, length = limits_of(app), headers.get(b"content-length", b"")
        if (
            headers.get(b"content-type") != b"application/json"
            or not _DIGITS.fullmatch(length)
            or int(length) > limits.body_bytes
        ):
            return False, receive
        try:
            body, receive = await _read_all(TimedReceive(receive, limits.body_seconds))
        except HTTPException as late:
            scope[OUTCOME] = late
            return False, receive
        is_whole = len(body) == int(length)
        return is_whole and self._read_body(body, limits.json_depth, arguments), receive

    def _read_body(self, body: bytes, max_depth: int, arguments: dict[str, Any]) -> bool:
        """Parse and validate the body as FastAPI does; return whether it is valid."""
        try:
            value = parse(body, max_depth)
        except HTTPException:
            return False
        if value is None:
            return False
        field = self._body
        assert field is not None
        arguments[field.name], errors = field.validate(value, {}, loc=("body",))
        return not errors

    def request(self, app: FastAPI, key: str, scope: Scope, receive: Receive) -> JsonRequest:
        """Return the request for a handler with this key."""
        parameters = dict(scope.get("path_params", ()))  # those of a mount
        if self._key is not None:
            parameters[self._key.alias] = key
        extended = {**scope, **self._scope, "app": app, "path_params": parameters}
        return JsonRequest(extended, receive)


async def _read_all(receive: Receive) -> tuple[bytes, Receive]:
    """Read a body; return it, and a `receive` that returns it again."""
    messages: list[Message] = []
    more = True
    while more:
        message = await receive()
        messages.append(message)
        more = message.get("more_body", False)
    body = b"".join(message.get("body", b"") for message in messages)

    async def receive_again() -> Message:
        return messages.pop(0) if messages else await receive()

    return body, receive_again


def _wrong_type_error(answer: object) -> TypeError:
    found = type(answer).__name__
    return TypeError(f"the handler is annotated `-> Response`, but returned {found}")
