"""Requests to the admin page without the token of a form, refused with a page that says so."""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TEXT = (
    "This request does not have the token of the page, or has that of another browser."
    " Open the page again, and repeat what you did. The page needs cookies"
)
_PLAIN = b"text/plain"


class FormTokenErrors:
    """Replaces the plain text of starlette-admin's 403 by a page, or by JSON for its scripts."""

    def __init__(self, app: ASGIApp, templates: Callable[[], Jinja2Templates]) -> None:
        self._app, self._templates = app, templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        is_refused = False

        async def send_message(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start":
                kind = dict(message.get("headers", ())).get(b"content-type", b"")
                is_refused = message["status"] == 403 and kind.startswith(_PLAIN)
            if not is_refused:
                await send(message)

        await self._app(scope, receive, send_message)
        if is_refused:
            await self._response(Request(scope))(scope, receive, send)

    def _response(self, request: Request) -> Response:
        if "/_api/" in request.url.path:
            return JSONResponse({"msg": _TEXT}, 403)
        context = {"exc": HTTPException(403, _TEXT), "title": "Forbidden"}
        return self._templates().TemplateResponse(request, "error.html", context, 403)
