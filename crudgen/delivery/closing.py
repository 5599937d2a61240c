"""The end of a listening socket, without the loss of a connection that a client believes to have.

Connections that the system has made and nobody has accepted yet are reset when a listening socket
is closed, with the requests that were sent on them already.
"""

import ctypes
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress

SETTLE_SECONDS = 0.05
"""How long it takes until a connection that was begun is made and accepted."""
_ATTACH_FILTER = 26
"""Linux: SO_ATTACH_FILTER, which the module socket does not name."""
_TCP_FLAGS, _SYN = 13, 0x02
_INSTRUCTIONS = (
    (0x30, 0, 0, _TCP_FLAGS),  # load the flags of the packet
    (0x45, 0, 1, _SYN),  # does it begin a connection?
    (0x06, 0, 0, 0),  # then drop it
    (0x06, 0, 0, 0xFFFFFFFF),  # else take all of it
)


def refuse_connections(listeners: Iterable[socket.socket]) -> None:
    """Begin no further connection; those that were begun are made, and can be accepted.

    A client that tries asks again after a second, and is refused if the socket is closed by then.
    Where the system has no such filter, nothing is done.
    """
    program = b"".join(struct.pack("HBBI", *one) for one in _INSTRUCTIONS)
    buffer = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HP", len(_INSTRUCTIONS), ctypes.addressof(buffer))
    for listener in listeners:
        with suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, described)
