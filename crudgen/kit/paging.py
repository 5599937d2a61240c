"""Pages of a list by offset and limit, and the links between them (RFC 8288)."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Query, Request

from .models import MAX_INT

Offset = Annotated[int, Query(ge=0, le=MAX_INT, description="How many rows to leave out.")]


def links(request: Request, offset: int, limit: int, *, more: bool) -> dict[str, str]:
    """Build the Link header, of relative references: no Host header decides where they lead."""
    path = quote(request.scope["path"])

    def link(relation: str, at: int) -> str:
        return f'<{path}?offset={at}&limit={limit}>; rel="{relation}"'

    found = [link("first", 0)]
    if offset > 0:
        found.append(link("prev", max(offset - limit, 0)))
    if more and offset + limit <= MAX_INT:
        found.append(link("next", offset + limit))
    return {"Link": ", ".join(found)}
