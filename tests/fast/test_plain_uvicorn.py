"""Random bytes from a client: the responses are those of plain uvicorn, with listed differences.

`STREAMS` is the number of random connections. Each has the same bytes in each run.
"""

import asyncio
import importlib
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.fast.test_direct import Wire
from tests.fast.test_raw_streams import CREATE, DEFAULTS, ROWS, Pair, package, stream
from tests.fast.test_shortcut import NewDatabase, make

__all__ = ["package"]
STREAMS = int(os.environ.get("STREAMS", "100"))
WRITES = [CREATE.replace(b'"name"', b'"nome"'), CREATE.replace(b"POST", b"HEAD")]
"""Requests with a body. They change no row, because only one of the servers may accept them."""


class PlainProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which notes the request that is being answered."""

    _answering: Any = None

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)


@dataclass(frozen=True)
class Rest:
    """What both servers sent to a client after the last response that was the same."""

    data: bytes
    """All bytes that the client sent."""
    ours: Sequence[bytes]
    is_closed: bool
    """Whether our server has closed the connection."""
    plain: Sequence[bytes]


Difference = Callable[[Rest, frozenset[bytes]], bool]
"""Returns whether this is the difference; its second argument are the responses of refusals."""


def is_refused(rest: Rest, refusals: frozenset[bytes]) -> bool:
    """Our server refuses the request, as docs/reference/contract.md says under Limits.

    uvicorn has another body for invalid bytes, and serves the other requests.
    """
    return rest.is_closed and len(rest.ours) == 1 and rest.ours[0] in refusals


def is_last_before_a_refusal(rest: Rest, _refusals: frozenset[bytes]) -> bool:
    """A refused request arrived while one before it was answered: that response is the last."""
    if not rest.is_closed or len(rest.ours) != 1 or not rest.plain:
        return False
    return rest.ours[0].replace(b"connection: close\r\n", b"") == rest.plain[0]


def is_answered_before_invalid_bytes(rest: Rest, _refusals: frozenset[bytes]) -> bool:
    """Our server answers the requests before invalid bytes; uvicorn drops their responses."""
    is_dropped = bool(rest.plain) and rest.plain[0].endswith(b"Invalid HTTP request received.")
    return rest.is_closed and is_dropped


def is_ignored_upgrade(rest: Rest, _refusals: frozenset[bytes]) -> bool:
    """Our server reads what follows a request to switch to another protocol, and uvicorn does not.

    A server may ignore the header Upgrade (RFC 9110, section 7.8).
    """
    return re.search(rb"connection:[^\r\n]*upgrade", rest.data, re.IGNORECASE) is not None


DIFFERENCES: tuple[Difference, ...] = (
    is_refused,
    is_last_before_a_refusal,
    is_answered_before_invalid_bytes,
    is_ignored_upgrade,
)


def write(random: Random) -> bytes:
    return random.choice(WRITES)


def responses(sent: bytes) -> list[bytes]:
    return re.split(rb"(?=HTTP/1\.1 \d{3} )", sent)[1:]


def refusals_of(package: Any) -> frozenset[bytes]:
    """Return the responses to all requests that the protocol refuses."""
    head = importlib.import_module(f"{package.__name__}.kit.http.request_head")
    usual = [(b"host", b"test")]
    heads = [
        ("1.1", b"/", []),
        ("1.1", b"/", [(b"host", b"a b")]),
        ("1.1", b"x", usual),
        ("2.0", b"/", usual),
        ("1.1", b"/", [*usual, (b"transfer-encoding", b"gzip, chunked")]),
    ]
    found = [head.INVALID, head.TOO_LARGE, *(head.find_refusal(*one) for one in heads)]
    return frozenset(
        head.encode_refusal(one, DEFAULTS, is_head=is_head)
        for one in found
        for is_head in (True, False)
    )


def test_random_streams_get_the_responses_of_plain_uvicorn(
    package: Any, new_database: NewDatabase
) -> None:
    own = importlib.import_module(f"{package.__name__}.kit.http.protocol").HttpProtocol
    refusals = refusals_of(package)
    seen: Counter[str] = Counter()

    async def check() -> None:
        async with AsyncExitStack() as stack:
            wires = []
            for protocol in (own, PlainProtocol):
                app = make(package, new_database("sqlite"))
                await stack.enter_async_context(app.router.lifespan_context(app))
                wires.append(Wire(app, protocol, is_direct=protocol is own))
                await wires[-1].respond([CREATE] * ROWS)
            pair = Pair(wires, stops=False, write=write)
            for number in range(STREAMS):
                ours, plain = [await pair.send(wire, number) for wire in wires]
                if ours == plain:
                    seen["none"] += 1
                    continue
                at = next(n for n in range(len(ours)) if ours[n : n + 1] != plain[n : n + 1])
                sent = responses(ours[at][0]), responses(plain[min(at, len(plain) - 1)][0])
                while sent[0] and sent[1] and sent[0][0] == sent[1][0]:
                    del sent[0][0], sent[1][0]
                data = b"".join(stream(Random(number), write)[0])  # noqa: S311
                rest = Rest(data, sent[0], ours[at][1], sent[1])
                known = [one.__name__ for one in DIFFERENCES if one(rest, refusals)]
                assert known, (number, rest)
                seen[known[0]] += 1

    asyncio.run(check())
    assert seen["none"] > STREAMS / 3
    assert seen["is_refused"] > STREAMS / 10
