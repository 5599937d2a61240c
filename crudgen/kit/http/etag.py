"""Conditional requests (RFC 9110, section 13): the tag of a row, and what a client says of it.

A tag is made from the answer's bytes: it tells of a row what a client sees of it, and no more.
"""

import re
from collections.abc import Collection
from hashlib import blake2b
from typing import Any

from fastapi import HTTPException, Request, Response

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_BYTES = 16
_EXAMPLE = {"examples": {"any": {"value": "*"}}}


def etag(body: bytes) -> str:
    """Make the strong tag of an answer."""
    return f'"{blake2b(body, digest_size=_BYTES).hexdigest()}"'


def tagged(tag: str) -> dict[str, str]:
    """Give the headers of a row: it may be kept, but never used without asking."""
    return {"ETag": tag, "Cache-Control": "no-cache"}


def unless_known(response: Response, request: Request) -> Response:
    """Answer 304 instead, if the client knows the row as it is."""
    header, tag = _sent(request, "if-none-match"), response.headers.get("etag")
    if header is None or tag is None or request.method != "GET":
        return response
    if _names(header, tag, weakly=True):
        return Response(status_code=304, headers=tagged(tag))
    return response


def describe_headers(
    statuses: Collection[int | str], methods: Collection[str]
) -> list[dict[str, Any]]:
    """Describe the headers that lead to these statuses, as OpenAPI does."""
    described = []
    if 304 in statuses:
        doc = "The tag of the row as the client knows it."
        described.append(_header("If-None-Match", doc) | _EXAMPLE)
    if 412 in statuses:
        doc = "The tag of the row as the client has seen it; `*` for any row."
        # A PUT that creates a row has `If-None-Match: *` instead.
        is_required = 428 in statuses and "PUT" not in methods
        described.append(_header("If-Match", doc, required=is_required) | _EXAMPLE)
    if 412 in statuses and "PUT" in methods:
        doc = "`*` if there must be no such row; or tags that the row may not have."
        described.append(_header("If-None-Match", doc))
    return described


def _header(name: str, doc: str, *, required: bool = False) -> dict[str, Any]:
    about = {"name": name, "in": "header", "required": required, "description": doc}
    return {**about, "schema": {"type": "string"}}


class Expected:
    """What `If-Match` and `If-None-Match` expect of a row; without them, nothing.

    `may_create` tells that there may be no row: `If-None-Match: *` then expects none. Raises
    HTTPException 428 if the row that the client has seen must be named.
    """

    def __init__(
        self, request: Request, *, required: bool = False, may_create: bool = False
    ) -> None:
        self._match = _sent(request, "if-match")
        self._none_match = _sent(request, "if-none-match")
        self.is_none = may_create and self._none_match == "*"
        """Whether there must be no row."""
        self.is_any = self._match is None and self._none_match is None
        """Whether every row will do, and none."""
        if required and self._match is None and not self.is_none:
            raise HTTPException(428, "Send the ETag of the row in the header If-Match")

    def check(self, body: bytes | None) -> None:
        """Raise HTTPException 412 unless the row is the one that the client expects.

        The row is given as an answer would show it; None: there is none.
        """
        tag = None if body is None else etag(body)
        if self._none_match is not None and _names(self._none_match, tag, weakly=True):
            raise exists()
        if self._match is not None and not _names(self._match, tag):
            raise HTTPException(412, "The row has changed since it was read")


def refuse_conditions(request: Request) -> None:
    """Raise HTTPException 412 for what a client says of many rows by one tag."""
    if "if-match" in request.headers or "if-none-match" in request.headers:
        raise HTTPException(412, "There is no ETag of many rows: change them one by one")


def _sent(request: Request, name: str) -> str | None:
    """Read a header that may come in several lines."""
    lines = request.headers.getlist(name)
    return ", ".join(lines).strip() if lines else None


def _names(header: str, tag: str | None, *, weakly: bool = False) -> bool:
    """Tell whether a header names the tag of a row; None: there is no row."""
    if tag is None:
        return False
    tags = _TAG.findall(header)
    return header == "*" or tag in tags or (weakly and f"W/{tag}" in tags)


def exists() -> HTTPException:
    """Make the answer for a row where none was expected."""
    return HTTPException(412, "There is such a row already")
