"""Reads standard input without blocking the end of the process. Reason to change: how it is read.

A thread that waits in `sys.stdin` would delay Ctrl+C until the next line.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator

_STDIN = 0
_SIZE = 65_536


async def input_lines() -> AsyncIterator[str]:
    """Yield the lines of standard input, until it ends."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[bytes | None] = asyncio.Queue()

    def put(line: bytes | None) -> None:
        try:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        except RuntimeError:  # the loop is closed: the process ends
            return

    def read() -> None:
        parts: list[bytes] = []
        while chunk := _read_chunk():
            first, *others = chunk.split(b"\n")
            parts.append(first)
            for part in others:
                put(b"".join(parts))
                parts = [part]
        if any(parts):
            put(b"".join(parts))
        put(None)

    threading.Thread(target=read, daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line.decode(errors="replace")


def _read_chunk() -> bytes:
    try:
        return os.read(_STDIN, _SIZE)
    except OSError:  # the terminal is gone
        return b""
