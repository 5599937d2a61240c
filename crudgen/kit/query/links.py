"""Links from a page to those around it (RFC 8288)."""

from urllib.parse import quote

from fastapi import HTTPException, Request

from ..errors import problem
from ..limits import limits_of
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
    return _written(_links(request, query, places))


def cursor_links(request: Request, query: ListQuery, before: str | None, after: str | None) -> str:
    """Link to the pages by cursor that there are.

    Raises HTTPException 422 if a link would be longer than what can be asked.
    """
    places = {"first": "cursor="}
    if before is not None:
        places["prev"] = f"cursor={before}"
    if after is not None:
        places["next"] = f"cursor={after}"
    links = _links(request, query, places)
    # A link that the application would refuse to follow ends a walk in its middle.
    if any(len(links[one]) > limits_of(request.app).url_bytes for one in places.keys() - {"first"}):
        message = "The values are too long for a cursor: sort by others, or use offset"
        raise HTTPException(422, [problem("long_cursor", ["query", "sort"], message)])
    return _written(links)


def _links(request: Request, query: ListQuery, places: dict[str, str]) -> dict[str, str]:
    """Make relative references: no Host header decides where they lead."""
    path, rest = quote(request.scope["path"]), f"&limit={query.limit}{query.sent}"
    return {relation: f"{path}?{place}{rest}" for relation, place in places.items()}


def _written(links: dict[str, str]) -> str:
    return ", ".join([f'<{link}>; rel="{relation}"' for relation, link in links.items()])
