"""The Link header of a page (RFC 8288): links to the first, previous and next page."""

from urllib.parse import quote

from fastapi import HTTPException, Request

from ..errors import problem
from ..limits import limits_of
from ..models import MAX_INT
from .query import ListQuery


def offset_links(request: Request, query: ListQuery, *, more: bool) -> str:
    """Return the Link header of a page by offset; raise HTTPException 422 for too long links."""
    offset, limit = query.offset, query.limit
    places = {"first": "offset=0"}
    if offset > 0:
        places["prev"] = f"offset={max(offset - limit, 0)}"
    if more and offset + limit <= MAX_INT:
        places["next"] = f"offset={offset + limit}"
    return _link_header(request, query, places)


def cursor_links(request: Request, query: ListQuery, before: str | None, after: str | None) -> str:
    """Return the Link header of a page by cursor; raise HTTPException 422 for too long links."""
    places = {"first": "cursor="}
    if before is not None:
        places["prev"] = f"cursor={before}"
    if after is not None:
        places["next"] = f"cursor={after}"
    return _link_header(request, query, places)


def _link_header(request: Request, query: ListQuery, places: dict[str, str]) -> str:
    """Return the Link header. Its links are relative: they do not depend on the Host header."""
    path, rest = quote(request.scope["path"]), f"&limit={query.limit}{query.link_suffix}"
    links = {relation: f"{path}?{place}{rest}" for relation, place in places.items()}
    # The application would reject a longer link, and the client could not read all pages.
    if query.link_suffix or query.cursor is not None:
        _check_link_length(request, links)
    return ", ".join([f'<{link}>; rel="{relation}"' for relation, link in links.items()])


def _check_link_length(request: Request, links: dict[str, str]) -> None:
    longest = max((len(link) for relation, link in links.items() if relation != "first"), default=0)
    if longest > limits_of(request.app).url_bytes:
        message = "The link to another page would be too long: use fewer filters or shorter values"
        raise HTTPException(422, [problem("long_link", ["query"], message)])
