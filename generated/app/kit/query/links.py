"""The Link header of a page (RFC 8288): links to the first, previous and next page."""

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from fastapi import HTTPException, Request

from ..errors import problem
from ..limits import limits_of
from ..models import MAX_INT
from .query import ListQuery


def offset_links(request: Request, query: ListQuery, *, more: bool) -> str:
    """Return the Link header of a page by offset; raise HTTPException 422 for too long links."""
    path, offset, limit = request.scope["path"], query.offset, query.limit
    if not query.link_suffix:
        return _plain_offset_links(path, offset, limit, more)
    links = _links(path, _offset_places(offset, limit, more), limit, query.link_suffix)
    _check_link_length(request, links)
    return _link_header(links)


@lru_cache(maxsize=1000)
def _plain_offset_links(path: str, offset: int, limit: int, more: bool) -> str:
    """Return the Link header of a page by offset, whose links have no other parameters."""
    return _link_header(_links(path, _offset_places(offset, limit, more), limit, ""))


def _offset_places(offset: int, limit: int, more: bool) -> dict[str, str]:
    """Return the parameter with the place of each page, by relation."""
    places = {"first": "offset=0"}
    if offset > 0:
        places["prev"] = f"offset={max(offset - limit, 0)}"
    if more and offset + limit <= MAX_INT:
        places["next"] = f"offset={offset + limit}"
    return places


def cursor_links(request: Request, query: ListQuery, before: str | None, after: str | None) -> str:
    """Return the Link header of a page by cursor; raise HTTPException 422 for too long links."""
    places = {"first": "cursor="}
    if before is not None:
        places["prev"] = f"cursor={before}"
    if after is not None:
        places["next"] = f"cursor={after}"
    links = _links(request.scope["path"], places, query.limit, query.link_suffix)
    _check_link_length(request, links)
    return _link_header(links)


def _links(path: str, places: Mapping[str, str], limit: int, suffix: str) -> dict[str, str]:
    """Return the links by relation. They are relative: they do not depend on the Host header."""
    rest = f"&limit={limit}{suffix}"
    return {relation: f"{quote(path)}?{place}{rest}" for relation, place in places.items()}


def _link_header(links: Mapping[str, str]) -> str:
    return ", ".join([f'<{link}>; rel="{relation}"' for relation, link in links.items()])


def _check_link_length(request: Request, links: Mapping[str, str]) -> None:
    """Raise HTTPException 422 if a link is longer than the application accepts.

    The client could not read all pages.
    """
    longest = max((len(link) for relation, link in links.items() if relation != "first"), default=0)
    if longest > limits_of(request.app).url_bytes:
        message = "The link to another page would be too long: use fewer filters or shorter values"
        raise HTTPException(422, [problem("long_link", ["query"], message)])
