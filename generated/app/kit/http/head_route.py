"""Routes that answer HEAD as GET without the body (RFC 9110, section 9.3.2)."""

from collections.abc import Sequence

from fastapi import HTTPException
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import Message, Receive, Scope, Send

IS_HEAD = "app.head"
"""Key in the scope of a request that is answered as GET: whether it is a HEAD."""


class HeadRoute(APIRoute):
    """A GET route that also answers HEAD, unless a sibling does. OpenAPI shows only the GET."""

    siblings: Sequence[BaseRoute] = ()
    """The routes of the same router."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return how the route matches a scope, with HEAD as GET.

        Starlette would accept a newline at the end of the path.
        """
        if scope["path"].endswith("\n"):
            return Match.NONE, {}
        return super().matches(self._as_get(scope))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; raise HTTPException 405 for a method without a route."""
        scope = self._as_get(scope)
        methods = {*(self.methods or ())}
        if scope["method"] not in methods:
            for one in self.siblings:
                if isinstance(one, HeadRoute) and one.path == self.path:
                    methods.update(one.methods or ())
            if "GET" in methods:
                methods.add("HEAD")
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(methods))})
        await super().handle(scope, receive, send)

    def _as_get(self, scope: Scope) -> Scope:
        """Return the scope with the method GET, if it is a HEAD that this route answers."""
        if scope.get("method") != "HEAD" or not self._answers_head():
            return scope
        return {**scope, "method": "GET", IS_HEAD: True}

    def _answers_head(self) -> bool:
        methods = self.methods or ()
        return "GET" in methods and not any(
            isinstance(one, APIRoute) and one.path == self.path and "HEAD" in (one.methods or ())
            for one in (self, *self.siblings)
        )


def without_body(send: Send) -> Send:
    """Return a `send` that sends the headers of a response, but no body."""

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head
