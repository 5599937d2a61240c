"""Pages for the errors of middleware: of a form without its token, and of logins."""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NO_TOKEN = HTTPException(
    403,
    "The form was not sent from this page, or the session has changed since it was opened."
    " Reload the page and try again. The browser must accept cookies",
)
_PLAIN = b"text/plain"


class MiddlewareErrors:
    """Responds with a page, or with JSON to scripts, to requests that middleware refuses.

    starlette-admin's own response to a form without its token is plain text, and it handles no
    exception of a login: that the keys of the identity provider are not available (503).
    """

    def __init__(self, app: ASGIApp, templates: Callable[[], Jinja2Templates]) -> None:
        self._app, self._templates = app, templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        is_started = False
        refused: HTTPException | None = None

        async def send_message(message: Message) -> None:
            nonlocal is_started, refused
            if message["type"] == "http.response.start":
                kind = dict(message.get("headers", ())).get(b"content-type", b"")
                if message["status"] == 403 and kind.startswith(_PLAIN):
                    refused = _NO_TOKEN
            if refused is None:
                is_started = True
                await send(message)

        try:
            await self._app(scope, receive, send_message)
        except HTTPException as error:
            if is_started:
                raise
            refused = error
        if refused is not None:
            await self._response(Request(scope), refused)(scope, receive, send)

    def _response(self, request: Request, error: HTTPException) -> Response:
        status, headers = error.status_code, error.headers
        if "/_api/" in request.url.path:
            return JSONResponse({"msg": error.detail}, status, headers)
        title = "Forbidden" if error is _NO_TOKEN else "Not available"
        context = {"exc": error, "title": title}
        return self._templates().TemplateResponse(request, "error.html", context, status, headers)
