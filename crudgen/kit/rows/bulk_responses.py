"""Responses with several rows, and errors about one of them."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import HTTPException, Response

from ..database.faults import http_error
from ..database.properties import Properties
from ..database.returning import row_discarded_error
from ..database.transaction import Row
from ..errors import Conflict, MissingTarget, Referenced, Refused, RuleViolated
from ..http.headers import JsonText
from .statements import RowStatements

_ITEM_ERRORS = (Conflict, MissingTarget, Referenced, Refused, RuleViolated)
"""The errors about one of several rows."""


def rows_response(
    use: RowStatements, found: Sequence[Sequence[Row]], status: int = 200
) -> Response:
    """Return the response with several rows, one from each statement.

    Raises HTTPException 409 if a statement returned no row.
    """
    return json_array_response(written_rows_json(use, found), status)


def written_rows_json(use: RowStatements, found: Sequence[Sequence[Row]]) -> list[bytes]:
    """Return the JSON of several rows; raise HTTPException 409 if a trigger discarded one."""
    if not all(found):
        raise row_discarded_error()
    return [use.rows.write(row) for (row,) in found]


def json_array_response(rows: Sequence[bytes], status: int = 200) -> Response:
    """Return the response with a JSON array of rows."""
    return JsonText(b"[" + b",".join(rows) + b"]", status)


def item_error_converter(properties: Properties, index: int) -> Callable[[Exception], Exception]:
    """Return a function that converts a driver error to the HTTP error of an item in the body."""

    def to_http_error(error: Exception) -> Exception:
        converted = http_error(error, properties)
        if isinstance(converted, _ITEM_ERRORS):
            return with_item_index(converted, index)
        return error

    return to_http_error


def with_item_index(error: HTTPException, index: int) -> HTTPException:
    """Add the index of an item to the locations of an error about it."""
    problems: Any = error.detail
    detail = [{**one, "loc": [*one["loc"][:1], index, *one["loc"][1:]]} for one in problems]
    return HTTPException(error.status_code, detail)
