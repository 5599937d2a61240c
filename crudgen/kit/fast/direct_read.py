"""One handler that reads rows, called from the HTTP protocol without waiting."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from asgi_correlation_id import correlation_id
from fastapi import FastAPI
from starlette.types import Message, Scope

from ..database import Database
from ..http.headers import JsonText, with_default_headers
from ..http.routing import JsonRequest
from .known_heads import HARMLESS
from .plain_reads import read_rows
from .row_reads import RowReads, row_reads
from .shortcut import REQUEST_ID_HEADER, Shortcut, new_request_id


class DirectRead:
    """A handler that has no effects: if it has to wait, it is called again as usual.

    Raises ValueError for other handlers.
    """

    def __init__(self, shortcut: Shortcut) -> None:
        read = None if shortcut.has_body else read_rows(shortcut.endpoint)
        if read is None or not shortcut.passed_on.isdisjoint(HARMLESS):
            raise ValueError("the handler may have effects, or depends on other headers")
        self._shortcut = shortcut
        rows, operation = read
        self._rows: RowReads | None = None
        """What reads the row, if the handler is called with a key and nothing else."""
        if operation == "read" and shortcut.takes_only_key:
            self._rows = row_reads(rows)

    def response(
        self,
        app: FastAPI,
        key: str,
        query: bytes,
        headers: Mapping[bytes, bytes],
        new_scope: Callable[[], Scope],
    ) -> tuple[int, bytes] | None:
        """Return the status of the response, and the bytes of its headers and its body.

        Return None if the request is to be handled as usual. `headers` are harmless ones, each
        given once.
        """
        shortcut, db = self._shortcut, app.state.database
        arguments: dict[str, Any] = {}
        if not shortcut.admits(app, headers, {}, arguments):
            return None
        if not shortcut.read_parameters(key, query, arguments):
            return None
        request_id = new_request_id()
        header = (REQUEST_ID_HEADER, request_id.encode())
        if self._rows is not None:
            (value,) = arguments.values()
            encoded = self._rows.encoded(db, value, header[1])
            return None if encoded is None else (200, encoded)

        def request() -> JsonRequest:
            scope = new_scope()
            scope["headers"].append(header)
            return shortcut.request(app, key, scope, _receive_nothing)

        shortcut.add_arguments(arguments, lambda: db, request)
        response = _result_at_once(db, shortcut.endpoint(**arguments), request_id)
        if type(response) is not JsonText or response.background is not None:
            return None
        sent = with_default_headers([*response.raw_headers, header])
        lines = [b"%b: %b\r\n" % one for one in sent]
        return response.status_code, b"".join([*lines, b"\r\n", response.body])


def _result_at_once(db: Database, handler: Coroutine[Any, Any, Any], request_id: str) -> Any:
    """Return the result of a handler; None if it raises an error or has to wait."""
    token = correlation_id.set(request_id)
    db.must_not_wait = True
    try:
        handler.send(None)
    except StopIteration as end:
        return end.value
    except Exception:
        return None  # it is called again, and raises the error again
    finally:
        db.must_not_wait = False
        correlation_id.reset(token)
        handler.close()
    return None


async def _receive_nothing() -> Message:
    raise RuntimeError("a read has no body")
