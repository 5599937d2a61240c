"""JSON arrays of any size, object by object. Reason to change: how they are read."""

import json
import re
from collections.abc import Iterator
from typing import IO, Any, NoReturn

from pydantic_core import from_json

from crudgen.errors import DataError

from .lines import MAX_RECORD, too_long_error
from .utf8 import ESCAPE, check_is_text, check_utf8, place_in, utf8_problem

_CHUNK = 1 << 16
_NEAR_THE_END = 16
"""An error this near to the end of what was read may be a token that is cut off."""
_SPACE = re.compile(r"[ \t\r\n]*")


class _Text:
    """The part of a text that is in memory, and the number of its first line."""

    def __init__(self, stream: IO[str], name: str) -> None:
        self._stream, self.name = stream, name
        self.text, self.position, self.line = "", 0, 1
        self.before = 0
        """The number of characters on the first line before the text."""
        self.is_over = False
        self.limit: int | None = MAX_RECORD
        """Most characters of the next object; None is no limit."""

    def read_more(self) -> None:
        """Read as much again as there is in memory, so that long objects take linear time."""
        chunk = self._stream.read(max(_CHUNK, len(self.text) - self.position))
        self.is_over = not chunk
        start = self.text.rfind("\n", 0, self.position) + 1
        self.before = self.position - start + (0 if start else self.before)
        self.text, self.position = self.text[self.position :] + chunk, 0
        if self.line == 1:
            check_is_text(self.text[:1000], self.name)
        check_utf8(self.text, self.name, self.line, self.before)

    def advance(self, end: int) -> None:
        """Move the position to `end`, and count the lines before it."""
        self.line += self.text.count("\n", self.position, end)
        self.position = end

    def next_token(self) -> str:
        """Return the next character that is no space; empty at the end."""
        while True:
            self.advance(_SPACE.match(self.text, self.position).end())  # type: ignore[union-attr]
            if self.position < len(self.text) or self.is_over:
                return self.text[self.position : self.position + 1]
            self.read_more()

    def error(self, problem: str, line: int | None = None) -> DataError:
        """Return an error at this line, or another."""
        return DataError(f"{self.name}:{line or self.line}: {problem}")


def json_objects(
    stream: IO[str], name: str, limit: int | None = MAX_RECORD
) -> Iterator[tuple[int, str]]:
    """Yield the text of each object in a JSON array, and its line.

    Raises DataError if the text is no array of objects, if the first one is longer than MAX_RECORD,
    or another longer than `limit`; None is no limit.
    """
    found = _Text(stream, name)
    found.read_more()
    if found.next_token() != "[":
        raise found.error("the file is no JSON array\n  give the form: --format ndjson|csv")
    found.advance(found.position + 1)
    if found.next_token() == "]":
        yield from _check_end(found)
        return
    while True:
        if found.next_token() != "{":
            raise found.error("expected a JSON object")
        line, text = found.line, _next_object(found)
        yield line, text
        found.limit = limit
        match found.next_token():
            case ",":
                found.advance(found.position + 1)
            case "]":
                yield from _check_end(found)
                return
            case "":
                raise found.error("the file ends before the array does")
            case _:
                raise found.error("expected ',' or ']' after an object")


def json_value(text: str) -> Any:
    """Return the value of a JSON text. Raises ValueError if it is invalid."""
    try:
        return json.loads(text, parse_constant=_reject)
    except (ValueError, RecursionError):
        raise ValueError('Input should be JSON, as 5, "text" or {"a": 1} are') from None


def json_problem(line: str | bytes) -> str:
    """Return why a line is not JSON, with the column."""
    text = line if isinstance(line, str) else line.decode("utf-8", ESCAPE)
    if (found := utf8_problem(text)) is not None:
        return found[1]
    try:
        from_json(line, allow_inf_nan=False)
    except ValueError as error:
        reason, _, column = str(error).replace("ident", "value").rpartition(" at line 1 column ")
        return f"column {column}: the row is not valid JSON: {reason}"
    return "the row is not valid JSON"


def _reject(constant: str) -> NoReturn:
    raise ValueError(constant)


def _check_end(found: _Text) -> Iterator[tuple[int, str]]:
    """Raise DataError if anything follows the array."""
    found.advance(found.position + 1)
    if found.next_token():
        raise found.error("nothing can follow the array")
    yield from ()


def _next_object(found: _Text) -> str:
    """Return the text of the next object, and continue after it."""
    # The numbers are not needed here, and integers of any length are not converted.
    decoder = json.JSONDecoder(parse_int=str, parse_float=str)
    while True:
        try:
            _, end = decoder.raw_decode(found.text, found.position)
        except json.JSONDecodeError as error:
            near = error.pos >= len(found.text) - _NEAR_THE_END
            is_cut_off = near or error.msg.startswith("Unterminated string")
            if found.limit is not None and len(found.text) - found.position > found.limit:
                raise too_long_error(f"{found.name}:{found.line}") from None
            if found.is_over or not is_cut_off:
                line = found.line + found.text.count("\n", found.position, error.pos)
                place = place_in(found.text, error.pos, found.before)
                raise found.error(f"invalid JSON {place}: {error.msg}", line) from None
            found.read_more()
        except RecursionError:
            raise found.error("invalid JSON: it is nested too deeply") from None
        else:
            text = found.text[found.position : end]
            found.advance(end)
            return text
