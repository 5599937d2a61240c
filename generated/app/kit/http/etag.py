"""Conditional requests (RFC 9110, section 13): ETags, and the preconditions of a request.

An ETag is a hash of the response body, so it reveals nothing that the response does not contain.
"""

import re
from hashlib import blake2b

from fastapi import HTTPException, Request, Response

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_BYTES = 16
_JOINED = re.compile(rf'("[0-9a-f]{{{2 * _BYTES}}})\.[0-9a-f]{{{2 * _BYTES}}}"')


def etag(body: bytes) -> str:
    """Return the strong ETag of a response body."""
    return f'"{blake2b(body, digest_size=_BYTES).hexdigest()}"'


def joined_etag(row: bytes, body: bytes) -> str:
    """Return the ETag of a response body that contains a row and related rows.

    It begins with the ETag of the row. `If-Match` compares only that part, `If-None-Match` all.
    """
    return f"{etag(row)[:-1]}.{etag(body)[1:]}"


def etag_headers(tag: str) -> dict[str, str]:
    """Return the headers of a response with a row: ETag and `Cache-Control: no-cache`."""
    return {"ETag": tag, "Cache-Control": "no-cache"}


def conditional_response(response: Response, request: Request) -> Response:
    """Return 304 if If-None-Match matches the ETag of the response, else the response."""
    header, tag = header_value(request, "if-none-match"), response.headers.get("etag")
    if header is None or tag is None or request.method != "GET":
        return response
    if _matches(header, tag, weakly=True):
        return Response(status_code=304, headers=etag_headers(tag))
    return response


class Preconditions:
    """The preconditions of a request: its headers `If-Match` and `If-None-Match`.

    Raises HTTPException 428 if `If-Match` is `required` and missing.
    """

    def __init__(self, request: Request, *, required: bool = False) -> None:
        self._match = header_value(request, "if-match")
        self._none_match = header_value(request, "if-none-match")
        self.is_empty = self._match is None and self._none_match is None
        """Whether no precondition was sent."""
        if required and self._match is None:
            message = "Precondition required: send the ETag of the row in the header If-Match"
            raise HTTPException(428, message)

    def check(self, body: bytes | None) -> None:
        """Raise HTTPException 412 unless the row meets the preconditions.

        `body` is the row as a response contains it; None if the row does not exist.
        """
        tag = None if body is None else etag(body)
        if self._none_match is not None and _matches(
            _with_row_etags(self._none_match), tag, weakly=True
        ):
            raise none_match_error()
        if self._match is not None and not _matches(_with_row_etags(self._match), tag):
            raise HTTPException(412, "Precondition failed: the row does not match If-Match")


def header_value(request: Request, name: str) -> str | None:
    """Return a header's value, joined if it is sent in several lines; None if it is missing."""
    lines = request.headers.getlist(name)
    return ", ".join(lines).strip() if lines else None


def _matches(header: str, tag: str | None, *, weakly: bool = False) -> bool:
    """Return whether a header contains the ETag of a row; `tag` is None if there is no row."""
    if tag is None:
        return False
    tags = _TAG.findall(header)
    return header == "*" or tag in tags or (weakly and f"W/{tag}" in tags)


def _with_row_etags(header: str) -> str:
    """Return a header with the ETags of rows in place of those of responses with related rows."""
    return _JOINED.sub(r'\1"', header) if "." in header else header


def none_match_error() -> HTTPException:
    """Return the HTTPException 412 for a row that matches If-None-Match."""
    return HTTPException(412, "Precondition failed: the row matches If-None-Match")
