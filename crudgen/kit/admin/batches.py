"""Query strings about many rows, split so that each fits into a URL."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from starlette.applications import Starlette

from ..limits import limits_of
from .api_client import Parameters


def parameter_batches(
    app: Starlette, path: str, query: Parameters, more: Parameters, max_parameters: int
) -> Iterator[tuple[Sequence[str], Parameters]]:
    """Yield parts of a query, at most `max_parameters` each, and their values.

    Each part is followed by the parameters `more`. Its URL has at most MAX_URL_BYTES bytes, unless
    a single parameter is longer.
    """
    room = limits_of(app).url_bytes - len(path.encode()) - _size(more)
    part: list[tuple[str, str]] = []
    used = 0
    for one in query:
        size = _size([one])
        if part and (len(part) == max_parameters or used + size > room):
            yield [value for _, value in part], [*part, *more]
            part, used = [], 0
        part.append(one)
        used += size
    if part:
        yield [value for _, value in part], [*part, *more]


def _size(query: Parameters) -> int:
    """Return how many bytes parameters take, each with a separator."""
    return sum(len(urlencode([one])) + 1 for one in query)
