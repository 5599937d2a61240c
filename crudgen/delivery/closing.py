"""Stops listening without resetting connections. Reason to change: Linux socket options.

Closing a listening socket resets the connections that are established, but not accepted yet, and
loses the requests that were sent on them.
"""

import ctypes
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress

SETTLE_SECONDS = 0.05
"""Time for pending connections to be established and accepted."""
_ATTACH_FILTER = 26
"""The socket option SO_ATTACH_FILTER of Linux, which the module socket does not define."""
_TCP_FLAGS, _SYN = 13, 0x02
_INSTRUCTIONS = (
    (0x30, 0, 0, _TCP_FLAGS),  # load the TCP flags of the packet
    (0x45, 0, 1, _SYN),  # test for SYN
    (0x06, 0, 0, 0),  # SYN: drop the packet
    (0x06, 0, 0, 0xFFFFFFFF),  # else: accept it
)
"""A socket filter that drops connection attempts."""


def drop_new_connections(listeners: Iterable[socket.socket]) -> None:
    """Drop new connection attempts on listening sockets.

    Connections that are pending already are still established, and can be accepted.

    Clients retry after a second; their connection is refused if the socket is closed by then.
    Does nothing on systems without socket filters.
    """
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _INSTRUCTIONS)
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_ = struct.pack("HP", len(_INSTRUCTIONS), ctypes.addressof(buffer))
    for listener in listeners:
        with suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, filter_)
