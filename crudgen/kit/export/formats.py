"""The formats of lists besides JSON, and the choice by the header Accept (RFC 9110, 12.5.1)."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from fastapi import Request

MAX_ACCEPT_BYTES = 1024
"""The longest header Accept that is read. With a longer one, the response is JSON."""
MAX_CHOICES = 256
"""Most headers whose choice is known."""
_JSON = ("application", "json")
_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class Format:
    """A format of a list besides JSON."""

    name: str
    """The extension of its files."""
    media_type: tuple[str, str]
    parameters: Sequence[tuple[str, str]] = ()
    """The parameters of the media type in the response."""

    @property
    def content_type(self) -> str:
        """The header Content-Type of the response."""
        return "; ".join(["/".join(self.media_type), *map("=".join, self.parameters)])


CSV = Format("csv", ("text", "csv"), (("charset", "utf-8"), ("header", "present")))
NDJSON = Format("ndjson", ("application", "x-ndjson"))
FORMATS = {one.name: one for one in (CSV, NDJSON)}


class OfferedFormats:
    """The formats that a list offers besides JSON."""

    def __init__(self, names: Iterable[str]) -> None:
        self._choice = lru_cache(MAX_CHOICES)(partial(_choice, [FORMATS[name] for name in names]))

    def chosen(self, request: Request) -> Format | None:
        """Return the format that a request prefers; None for JSON."""
        accepted = [value for name, value in request.scope["headers"] if name == b"accept"]
        if not accepted:
            return None
        header = accepted[0] if len(accepted) == 1 else b",".join(accepted)
        return self._choice(header) if len(header) <= MAX_ACCEPT_BYTES else None


def _choice(formats: Sequence[Format], header: bytes) -> Format | None:
    """Return the format with the highest quality; None for JSON.

    Of several, the one whose media type is named; else JSON, then the first of `formats`.
    """
    ranges = [*_ranges(header.decode("latin-1"))]
    best, chosen = _rank(ranges, _JSON, ()), None
    for one in formats:
        known = {**dict(one.parameters), "charset": "utf-8"}
        rank = _rank(ranges, one.media_type, [*known.items()])
        if rank[0] and rank > best:
            best, chosen = rank, one
    return chosen


@dataclass(frozen=True, slots=True)
class _Range:
    """A media range of the header, in lower case."""

    kind: tuple[str, str]
    parameters: Sequence[tuple[str, str]]
    quality: float


def _ranges(header: str) -> Iterator[_Range]:
    """Yield the media ranges of the header Accept. Invalid ones are ignored."""
    for item in header.lower().split(","):
        media_type, *rest = (part.strip() for part in item.split(";"))
        main, slash, sub = media_type.partition("/")
        quality, parameters = 1.0, []
        for part in filter(None, rest):
            name, _, value = (one.strip() for one in part.partition("="))
            if name == "q":
                quality = float(value) if _QUALITY.fullmatch(value) else -1.0
                break
            parameters.append((name, value.strip('"')))
        if slash and quality >= 0:
            yield _Range((main, sub), parameters, quality)


def _rank(
    ranges: Sequence[_Range], kind: tuple[str, str], known: Sequence[tuple[str, str]]
) -> tuple[float, int]:
    """Return the quality of a media type, and how precisely a range names it.

    The most precise range decides. A range with another parameter than those of the response does
    not include it; JSON is accepted with any parameters.
    """
    found = (0.0, 0)
    for one in ranges:
        main, sub = one.kind
        if main not in ("*", kind[0]) or sub not in ("*", kind[1]) or (main == "*" != sub):
            continue
        if kind != _JSON and not {*one.parameters} <= {*known}:
            continue
        precision = (main != "*") + (sub != "*")
        if precision >= found[1] and (precision > found[1] or one.quality > found[0]):
            found = (one.quality, precision)
    return found
