"""The formats of a list in OpenAPI."""

from typing import Any

from .formats import FORMATS

_DOCS = {
    "csv": "A header row, and a line for each row (RFC 4180).",
    "ndjson": "A JSON object for each row, one per line.",
}


def export_formats(*names: str) -> dict[int | str, dict[str, Any]]:
    """Return the description of the responses of a list in these formats, for OpenAPI."""
    content = {}
    for name in names:
        media_type = "/".join(FORMATS[name].media_type)
        content[media_type] = {"schema": {"type": "string", "description": _DOCS[name]}}
    disposition = {
        "description": "The name of the file, unless the response is JSON.",
        "schema": {"type": "string"},
    }
    return {200: {"content": content, "headers": {"Content-Disposition": disposition}}}
