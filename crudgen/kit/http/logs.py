"""Logging: one format for all loggers, with the request id in each line."""

import logging

from asgi_correlation_id import CorrelationIdFilter, correlation_id
from fastapi import Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

REQUEST_ID = "X-Request-ID"
"""The header of the request id: the UUID that the client sent in it, else a new one."""


def configure_logging(level: str | None) -> None:
    """Log to standard error at this level and above, with the request id in each line.

    If the root logger has a handler, no handler is added. Without a level, nothing changes.
    """
    if level is None:
        return
    root = logging.getLogger()
    root.setLevel(level)
    if root.handlers:
        return
    handler = logging.StreamHandler()
    handler.addFilter(CorrelationIdFilter(default_value="-"))
    line = "%(asctime)s %(levelname)s %(name)s [%(correlation_id)s] %(message)s"
    handler.setFormatter(logging.Formatter(line))
    root.addHandler(handler)
    # A server that was told to log no requests has silenced this logger, and it stays silent.
    logs_requests = logging.getLogger("uvicorn.access").hasHandlers()
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = logs_requests or name != "uvicorn.access"
        logger.setLevel(max(logger.level, root.level))


class _ServerError(JSONResponse):
    """The response 500 with CORS headers: Starlette sends it outside of the CORS middleware."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, so that pages of allowed origins can read the request id."""
        answer: ASGIApp = super().__call__
        for one in scope["app"].user_middleware:
            if one.cls is CORSMiddleware:
                answer = CORSMiddleware(answer, *one.args, **one.kwargs)
        await answer(scope, receive, send)


async def server_error(_request: Request, _error: Exception) -> JSONResponse:
    """Return the response 500 with the request id and no details; the server logs the error.

    `Connection: close` is sent because many servers then close the connection.
    """
    headers = {REQUEST_ID: correlation_id.get() or "-", "Connection": "close"}
    return _ServerError({"detail": "Internal Server Error"}, 500, headers)
