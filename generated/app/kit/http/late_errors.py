"""Errors that an application raises after its response is complete, or in the middle of it."""

import logging

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_log = logging.getLogger("uvicorn.error")


async def run_application(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Run the application; log an error that it raises after the response is complete.

    uvicorn would close the connection, and the client's next request on it would fail.
    """
    try:
        return await app(scope, receive, send)
    except Exception as error:
        cycle: RequestResponseCycle = send.__self__  # type: ignore[attr-defined]
        if getattr(error, "aborts_response", False):
            cycle.disconnected = True
            return cycle.transport.abort()
        if not cycle.response_complete:
            raise
        _log.error("Exception in ASGI application\n", exc_info=error)
