"""Logging: one format for all loggers, with the request id in each line."""

import logging
import logging.config

from asgi_correlation_id import correlation_id
from fastapi import Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

REQUEST_ID = "X-Request-ID"
"""The response header with the request id. A UUID that the client sends in it is used."""


def configure_logging(level: str) -> None:
    """Log to standard error with the request id, for all loggers including uvicorn's."""
    # If the server's access log is disabled, it stays disabled.
    logs_requests = logging.getLogger("uvicorn.access").hasHandlers()
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {
                "request_id": {
                    "()": "asgi_correlation_id.CorrelationIdFilter",
                    "default_value": "-",
                }
            },
            "formatters": {
                "line": {
                    "format": "%(asctime)s %(levelname)s %(name)s [%(correlation_id)s] %(message)s"
                }
            },
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "filters": ["request_id"],
                    "formatter": "line",
                }
            },
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                "uvicorn": {"handlers": [], "propagate": True},
                "uvicorn.error": {"handlers": [], "propagate": True},
                "uvicorn.access": {"handlers": [], "propagate": logs_requests},
                # The pool logs each attempt to connect. State logs only the changes.
                "psycopg.pool": {"level": "ERROR"},
            },
        }
    )
    for name in ("uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.getLevelNamesMapping()[level]))


class _ServerError(JSONResponse):
    """500 with CORS headers: Starlette sends it outside of the CORS middleware."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, so that pages of allowed origins can read the request id."""
        answer: ASGIApp = super().__call__
        for one in scope["app"].user_middleware:
            if one.cls is CORSMiddleware:
                answer = CORSMiddleware(answer, *one.args, **one.kwargs)
        await answer(scope, receive, send)


async def server_error(_request: Request, _error: Exception) -> JSONResponse:
    """Return 500 with the request id and no details; the server logs the error.

    `Connection: close` is sent because many servers then close the connection.
    """
    headers = {REQUEST_ID: correlation_id.get() or "-", "Connection": "close"}
    return _ServerError({"detail": "Internal Server Error"}, 500, headers)
