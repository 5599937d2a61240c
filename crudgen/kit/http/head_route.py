"""HEAD is GET without the body (RFC 9110, section 9.3.2), wherever a GET of the kit is offered."""

from collections.abc import Sequence

from fastapi import HTTPException
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import Message, Receive, Scope, Send


class HeadRoute(APIRoute):
    """A route whose GET also answers HEAD, unless a sibling does. OpenAPI shows the GET alone."""

    siblings: Sequence[BaseRoute] = ()
    """The routes of its router."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match HEAD as GET; nothing with a newline behind its end, which Starlette overlooks."""
        if scope["path"].endswith("\n"):
            return Match.NONE, {}
        return super().matches(self._read(scope))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; 405 for a method that no route of this path has."""
        scope = self._read(scope)
        methods = {*(self.methods or ())}
        if scope["method"] not in methods:
            for one in self.siblings:
                if isinstance(one, HeadRoute) and one.path == self.path:
                    methods.update(one.methods or ())
            if "GET" in methods:
                methods.add("HEAD")
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(methods))})
        await super().handle(scope, receive, send)

    def _read(self, scope: Scope) -> Scope:
        """Return the scope of the GET that answers a HEAD; any other scope as it is."""
        if scope.get("method") != "HEAD" or not self._answers_head():
            return scope
        return {**scope, "method": "GET"}

    def _answers_head(self) -> bool:
        methods = self.methods or ()
        return "GET" in methods and not any(
            isinstance(one, APIRoute) and one.path == self.path and "HEAD" in (one.methods or ())
            for one in (self, *self.siblings)
        )


def without_body(send: Send) -> Send:
    """Wrap `send`, so that it sends the headers of an answer and no content."""

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head
