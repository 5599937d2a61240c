"""The router that lets reads go to a replica while the application runs. It has no routes."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import Message, Scope, Send

from ..database import Database
from ..errors import StartupError
from ..limits import PART
from .positions import latest_position
from .reads import ReplicaReads
from .replica import Replica

HEADER = "X-Read-After"
_NAME = HEADER.lower().encode()
_READS = {"GET", "HEAD"}
_WRITES = {"POST", "PUT", "PATCH", "DELETE"}
_AGENTS = "/mcp"
_METHODS = {"get", "post", "put", "patch", "delete"}
_REQUEST = (
    "The token of an earlier response: the response contains that write. Without it, the response"
    " may be a few seconds old."
)
_RESPONSE = (
    "Send it with later reads that must contain this write. It is opaque; the later of two tokens"
    " is the greater text. Only if reads go to a replica."
)


class ReplicaRouter(APIRouter):
    """Reads from the replica in the settings, if there is one."""

    def __init__(self) -> None:
        super().__init__(lifespan=self._run)

    def describe(self, document: dict[str, Any]) -> None:
        """Add the header to the operations of an OpenAPI document."""
        token = {"type": "string"}
        parameter = {
            "name": HEADER,
            "in": "header",
            "required": False,
            "schema": token | {"title": HEADER},
            "description": _REQUEST,
        }
        header = {"description": _RESPONSE, "schema": token}
        for method, operation in _operations(document):
            if method == "get":
                operation.setdefault("parameters", []).append(parameter)
                continue
            for status, response in operation["responses"].items():
                if status.startswith("2"):
                    response.setdefault("headers", {})[HEADER] = header

    @asynccontextmanager
    async def _run(self, app: FastAPI) -> AsyncIterator[None]:
        database: Database = app.state.database
        replica: Replica | None = getattr(app.state, "replica", None)
        if replica is None:
            yield
            return
        application: Any = app
        if not hasattr(app, "wrap_send"):
            raise StartupError(
                "DATABASE_READ_URL needs an application of the kit, which answers writes with"
                " tokens\n  make it with build_application, or remove DATABASE_READ_URL"
            )
        routing = _Routing(database, replica)
        try:
            await replica.open()
            database.for_request = routing.database_for
            application.wrap_send = routing.with_token
            yield
        finally:
            database.for_request = application.wrap_send = None
            await replica.close()


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the operations that read or write rows: not the health checks."""
    for path in document.get("paths", {}).values():
        for method, operation in path.items():
            if method in _METHODS and "health" not in operation.get("tags", ()):
                yield method, operation


def _path_of(scope: Scope) -> str:
    """Return the path of a request below the root path."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


class _Routing:
    """Decides for each request which server answers it."""

    def __init__(self, primary: Database, replica: Replica) -> None:
        self._primary, self._replica = primary, replica

    def database_for(self, scope: Mapping[str, Any]) -> Database:
        """Return the database for the handler of a request.

        With a token that is invalid, for example because SECRET_KEY has changed, it is the primary.
        """
        if scope["method"] not in _READS:
            return self._primary
        tokens = [value for name, value in scope["headers"] if name == _NAME]
        after = latest_position(tokens, self._primary.secret) if tokens else 0
        if after is None:
            return self._primary
        return ReplicaReads(self._primary, self._replica, after)

    def with_token(self, scope: Scope, send: Send) -> Send:
        """Return a `send` that adds a token to the response of a write.

        Agents need none: the requests of tools read from the primary.
        """
        if scope["method"] not in _WRITES or PART in scope or _path_of(scope) == _AGENTS:
            return send

        async def send_with_token(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 300:
                token = await self._replica.token()
                if token is not None:
                    headers = [*message.get("headers", ()), (_NAME, token.encode())]
                    message = {**message, "headers": headers}
            await send(message)

        return send_with_token
