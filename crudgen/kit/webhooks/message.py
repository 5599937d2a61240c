"""The JSON text of a message, with a row or some of its properties."""

import json
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from json.decoder import JSONDecoder

_DECODER = JSONDecoder()
_GAP = ": \t\n\r"


def message_body(kind: str, created: int, data: str | None) -> bytes:
    """Return the body of a message: its type, the time of the change, and the row as JSON."""
    at = datetime.fromtimestamp(created / 1000, UTC).isoformat(timespec="milliseconds")
    timestamp = at.replace("+00:00", "Z")
    head = f'{{"type":{json.dumps(kind)},"timestamp":"{timestamp}","data":'
    return f"{head}{'null' if data is None else data}}}".encode()


def select_properties(row: bytes, names: Collection[str]) -> bytes:
    """Remove all but some properties from the JSON of a row; their values keep their bytes."""
    kept = (f"{json.dumps(name)}:{value}" for name, value in _properties(row) if name in names)
    return f"{{{','.join(kept)}}}".encode()


def _properties(row: bytes) -> Iterator[tuple[str, str]]:
    """Yield the properties of a JSON object, each with the text of its value."""
    text = row.decode()
    position = 1
    while (start := text.find('"', position)) >= 0:
        name, position = _DECODER.raw_decode(text, start)
        while text[position] in _GAP:
            position += 1
        _, end = _DECODER.raw_decode(text, position)
        yield name, text[position:end]
        position = end
