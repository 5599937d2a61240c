"""Reads one row by its key without waiting, and encodes the response in one step."""

from typing import Any

from ..database import Database
from ..http.etag import etag
from ..http.headers import with_default_headers
from ..http.logs import REQUEST_ID
from ..rows.resource import Resource
from ..rows.row_responses import row_response
from ..rows.values import is_storable_key

_VARIABLE = {b"content-length": b"%d", b"etag": b"%b", REQUEST_ID.lower().encode(): b"%b"}
"""The headers of a response that depend on the row or the request."""


class RowReads:
    """The operation `read` of a resource."""

    def __init__(self, rows: Resource) -> None:
        self._rows = rows
        sample = [*row_response(b"").raw_headers, (REQUEST_ID.lower().encode(), b"")]
        lines = [
            b"%b: %b\r\n" % (name, _VARIABLE.get(name, value))
            for name, value in with_default_headers(sample)
        ]
        self._template = b"".join([*lines, b"\r\n%b"])

    def encoded_response(self, db: Database, key: Any, request_id: bytes) -> bytes | None:
        """Return the headers and the body of the response; None if no row was found at once."""
        rows = self._rows
        use = rows._statements_for(db)
        if not is_storable_key(key):
            return None
        found = db.try_read(use.read, {"key__": key})
        if not found:
            return None
        body = use.rows.write(found[0])
        return self._template % (len(body), etag(body).encode(), request_id, body)


def row_reads(rows: Any) -> RowReads | None:
    """Return the RowReads of a resource whose rows are read by one statement, else None."""
    is_plain = isinstance(rows, Resource) and type(rows).read is Resource.read
    return RowReads(rows) if is_plain else None
