"""A resource whose list is also available as CSV and as newline-delimited JSON."""

import re
from collections.abc import Sequence
from typing import Any

from fastapi import HTTPException, Request, Response

from ..database import Database
from ..errors import problem
from ..models import Model
from ..query import ListQuery
from ..rows.resource import Resource
from .csv_text import CsvText
from .formats import CSV, Format, OfferedFormats
from .response import ExportResponse, PageResponse, Write
from .rows import ExportedRows

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


class ExportResource(Resource):
    """A resource whose list is also available in the formats `export`: `csv`, `ndjson`.

    A client chooses one by the header Accept. Without `limit`, the response has all matching rows.
    """

    supports_row_rules = True

    def __init__(
        self, model: type[Model], *, public: type[Model], export: Sequence[str], **rest: Any
    ) -> None:
        self._offered = OfferedFormats(export)
        super().__init__(model, public=public, **rest)

    async def list(self, db: Database, request: Request, query: ListQuery) -> Response:
        """Return the response with rows in the format that the request accepts.

        Raises HTTPException 404 for an invalid cursor, 422 for what the format does not support.
        """
        chosen = self._offered.chosen(request)
        if chosen is None:
            response = await super().list(db, request, query)
            response.raw_headers.append((b"vary", b"Accept"))
            return response
        rows = ExportedRows(self._listing, query)
        write = _writer(chosen, rows)
        headers = _headers(chosen, request)
        if "limit" in request.query_params:
            page, more = await rows.page(db, request)
            return PageResponse(page, write, {**headers, **more})
        rows.check_cursor(db)
        return ExportResponse(db, rows, write, headers)


def _writer(chosen: Format, rows: ExportedRows) -> Write:
    """Return what writes rows in a format; raise HTTPException 422 for related rows in CSV."""
    if chosen is not CSV:
        return _json_lines
    if rows.includes_rows:
        message = "CSV cannot contain related rows: omit `include`, or request application/x-ndjson"
        raise HTTPException(422, [problem("not_in_csv", ["query", "include"], message)])
    return CsvText(rows.names, rows.json_names).write


def _json_lines(rows: Sequence[bytes]) -> bytes:
    return b"".join([row + b"\n" for row in rows])


def _headers(chosen: Format, request: Request) -> dict[str, str]:
    name = _UNSAFE.sub("_", request.scope["path"].rstrip("/").rpartition("/")[2])
    return {
        "Content-Type": chosen.content_type,
        "Content-Disposition": f'attachment; filename="{name}.{chosen.name}"',
        "Vary": "Accept",
    }
