"""Links from a page to those around it (RFC 8288)."""

from urllib.parse import quote

from fastapi import Request

from ..models import MAX_INT
from .query import ListQuery


def offset_links(request: Request, query: ListQuery, *, more: bool) -> str:
    """Link to pages by offset."""
    offset, limit = query.offset, query.limit
    places = {"first": "offset=0"}
    if offset > 0:
        places["prev"] = f"offset={max(offset - limit, 0)}"
    if more and offset + limit <= MAX_INT:
        places["next"] = f"offset={offset + limit}"
    return _links(request, query, places)


def cursor_links(request: Request, query: ListQuery, before: str | None, after: str | None) -> str:
    """Link to the pages by cursor that there are."""
    places = {"first": "cursor="}
    if before is not None:
        places["prev"] = f"cursor={before}"
    if after is not None:
        places["next"] = f"cursor={after}"
    return _links(request, query, places)


def _links(request: Request, query: ListQuery, places: dict[str, str]) -> str:
    """Write relative references: no Host header decides where they lead."""
    path, rest = quote(request.scope["path"]), f"&limit={query.limit}{query.sent}"
    return ", ".join(
        [f'<{path}?{place}{rest}>; rel="{relation}"' for relation, place in places.items()]
    )
