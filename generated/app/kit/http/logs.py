"""Logging: one format for all loggers, text or JSON, with the request id in each line."""

import logging

from asgi_correlation_id import CorrelationIdFilter, correlation_id
from fastapi import Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .json_logs import REQUESTS, JsonFormatter

_JSON = "app.json"
"""The name of the handler that logs JSON."""
REQUEST_ID = "X-Request-ID"
"""The header of the request id: the UUID that the client sent in it, else a new one."""


def configure_logging(level: str | None, log_format: str = "text") -> bool:
    """Log to standard error at this level and above, with the request id in each line.

    If the root logger has a handler, no handler is added. Without a level, nothing changes; for
    JSON, it is INFO. Return whether the log is JSON, which has a line for each request.
    """
    is_json = log_format == "json"
    if level is None and not is_json:
        return False
    root = logging.getLogger()
    root.setLevel(level or "INFO")
    for handler in root.handlers:
        if handler.name == _JSON:  # of another application of this process
            handler.setFormatter(JsonFormatter())
            return is_json
    if root.handlers:
        return False
    handler = logging.StreamHandler()
    if is_json:
        handler.name = _JSON
        handler.setFormatter(JsonFormatter())
    else:
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
    if is_json:
        logging.getLogger(REQUESTS).disabled = not logs_requests
        logging.getLogger("uvicorn.access").disabled = True  # the lines of REQUESTS say more
    return is_json


def log_server_as_json() -> None:
    """Let uvicorn write JSON, also where no application configures the log."""
    from uvicorn.config import LOGGING_CONFIG

    LOGGING_CONFIG["formatters"] = {name: {"()": JsonFormatter} for name in ("default", "access")}


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
