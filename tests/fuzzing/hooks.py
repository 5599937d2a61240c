"""What schemathesis cannot know: what a document cannot say (see docs/reference/contract.md).

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
    query: Any = case.query or {}
    if "sort" in query:
        query["sort"] = _one_way(query["sort"])
    key = headers.get(HEADER)
    if isinstance(key, str) and WELL_FORMED.fullmatch(key):
        headers[HEADER] = f"{key[:200]}-{uuid4()}"


def _one_way(sort: Any) -> Any:
    """Leave out what is sorted the other way before; the names may stand in a text."""
    names = sort.split(",") if isinstance(sort, str) else sort
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return sort
    kept: list[str] = []
    for name in names:
        other = name.removeprefix("-") if name.startswith("-") else f"-{name}"
        if other not in kept:
            kept.append(name)
    return ",".join(kept) if isinstance(sort, str) else kept
