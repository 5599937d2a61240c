"""Links from a page to those around it (RFC 8288)."""

from urllib.parse import quote, urlencode

from fastapi import Request

from ..models import MAX_INT
from .query import ListQuery


def offset_links(request: Request, query: ListQuery, *, more: bool) -> str:
    """Link to pages by offset."""
    offset, limit = query.offset, query.limit
    found = [_link(request, query, "first", ("offset", "0"))]
    if offset > 0:
        found.append(_link(request, query, "prev", ("offset", str(max(offset - limit, 0)))))
    if more and offset + limit <= MAX_INT:
        found.append(_link(request, query, "next", ("offset", str(offset + limit))))
    return ", ".join(found)


def cursor_links(request: Request, query: ListQuery, before: str | None, after: str | None) -> str:
    """Link to the pages by cursor that there are."""
    found = [_link(request, query, "first", ("cursor", ""))]
    if before is not None:
        found.append(_link(request, query, "prev", ("cursor", before)))
    if after is not None:
        found.append(_link(request, query, "next", ("cursor", after)))
    return ", ".join(found)


def _link(request: Request, query: ListQuery, relation: str, place: tuple[str, str]) -> str:
    """Write a relative reference: no Host header decides where it leads."""
    asked = urlencode([place, ("limit", str(query.limit)), *query.sent])
    return f'<{quote(request.scope["path"])}?{asked}>; rel="{relation}"'
