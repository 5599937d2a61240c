"""Links from a page to those around it (RFC 8288)."""

from urllib.parse import quote

from fastapi import HTTPException, Request

from ..errors import problem
from ..limits import limits_of
from ..models import MAX_INT
from .query import ListQuery


def offset_links(request: Request, query: ListQuery, *, more: bool) -> str:
    """Link to pages by offset; raise HTTPException 422 for links that are too long."""
    offset, limit = query.offset, query.limit
    places = {"first": "offset=0"}
    if offset > 0:
        places["prev"] = f"offset={max(offset - limit, 0)}"
    if more and offset + limit <= MAX_INT:
        places["next"] = f"offset={offset + limit}"
    return _links(request, query, places)


def cursor_links(request: Request, query: ListQuery, before: str | None, after: str | None) -> str:
    """Link to pages by cursor, where there are; raise HTTPException 422 as `offset_links` does."""
    places = {"first": "cursor="}
    if before is not None:
        places["prev"] = f"cursor={before}"
    if after is not None:
        places["next"] = f"cursor={after}"
    return _links(request, query, places)


def _links(request: Request, query: ListQuery, places: dict[str, str]) -> str:
    """Write relative references: no Host header decides where they lead."""
    path, rest = quote(request.scope["path"]), f"&limit={query.limit}{query.sent}"
    links = {relation: f"{path}?{place}{rest}" for relation, place in places.items()}
    # A link that the application would refuse to follow ends a walk in its middle.
    if query.sent or query.cursor is not None:
        _check_length(request, links)
    return ", ".join([f'<{link}>; rel="{relation}"' for relation, link in links.items()])


def _check_length(request: Request, links: dict[str, str]) -> None:
    longest = max((len(link) for relation, link in links.items() if relation != "first"), default=0)
    if longest > limits_of(request.app).url_bytes:
        message = "A link to another page would be too long: filter or sort by less"
        raise HTTPException(422, [problem("long_link", ["query"], message)])
