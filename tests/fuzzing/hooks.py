"""What schemathesis cannot know: what a document cannot say (see docs/contract.md).

A key names one request, and the tool likes to send the same short text again. A key that is
well-formed becomes a new one, so that the rows behind it reach the database; the others are sent as
they are. Rows are sorted by a property once, up or down: `uniqueItems` tells the two apart.
"""

import re
from typing import Any
from uuid import uuid4

import schemathesis

HEADER = "Idempotency-Key"
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
WELL_FORMED = re.compile(r"[\x21-\x7e]{1,255}")


@schemathesis.hook
def before_call(_context: Any, case: schemathesis.Case[Any], _kwargs: dict[str, Any]) -> None:
    headers: Any = case.headers or {}
    for name, value in [*headers.items()]:
        if isinstance(value, str):  # a control character is no HTTP: the connection ends there
            headers[name] = CONTROL.sub("", value)
    key = headers.get(HEADER)
    if isinstance(key, str) and WELL_FORMED.fullmatch(key):
        headers[HEADER] = f"{key[:200]}-{uuid4()}"


@schemathesis.hook
def filter_query(_context: Any, query: Any) -> bool:
    sort = query.get("sort") if query else None
    if not isinstance(sort, str | list):
        return True
    names = sort.split(",") if isinstance(sort, str) else sort
    plain = [str(name).removeprefix("-") for name in names]
    return len(plain) == len(set(plain))
