"""The rows of a list as a walk by cursor returns them, and the same rows as files."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.asgi import AsgiClient

CSV, NDJSON = "text/csv", "application/x-ndjson"
Headers = Mapping[str, str]
Parameters = Sequence[tuple[str, str]]


async def walked(
    client: AsgiClient, path: str, parameters: Parameters, headers: Headers, limit: int = 3
) -> list[str]:
    """Return the rows of a list, each as the text of its JSON, read page by page."""
    found: list[str] = []
    url, sent = path, [*parameters, ("cursor", ""), ("limit", str(limit))]
    while url:
        answer = await client.request("GET", url, params=sent, headers=headers)
        assert answer.status_code == 200, answer.text
        found += items(answer.text)
        url, sent = answer.links.get("next", {}).get("url", ""), []
    return found


def items(text: str) -> list[str]:
    """Return the items of a JSON array, each with the bytes that it has there."""
    decoder, found, at = json.JSONDecoder(), [], 1
    while text[at] != "]":
        _, end = decoder.raw_decode(text, at)
        found.append(text[at:end])
        at = end + (text[end] == ",")
    return found


def check_csv(content: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Check that a file has the values of rows."""
    header, *lines = csv.reader(io.StringIO(content, newline=""), strict=True)
    if rows:
        assert header == [*rows[0]]
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        for cell, (name, value) in zip(line, row.items(), strict=True):
            if value is None:
                assert cell == "", name
            elif isinstance(value, str) and name != "data":
                assert cell == value, name
            else:
                assert json.loads(cell) == value, name
