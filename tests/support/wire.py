"""Requests as bytes, for clients that are slow, stuck or wrong."""

import re
import socket
import time

from tests.support.servers import Api

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


def connect(api: Api, sent: bytes) -> socket.socket:
    """Open a connection and send the beginning of something."""
    connection = socket.create_connection(api.address, timeout=20)
    try:
        connection.sendall(sent)
    except OSError:
        connection.close()
        raise
    return connection


def connect_narrowly(api: Api, sent: bytes) -> socket.socket:
    """Open a connection that holds little of an answer: what is not read stays with the server."""
    connection = socket.socket()
    connection.settimeout(20)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    connection.connect(api.address)
    connection.sendall(sent)
    return connection


def rest(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


def is_whole(answer: bytes) -> bool:
    """Return whether an answer has all of its body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    return length is not None and int(length[1]) == len(body)


def one_answer(connection: socket.socket, size: int = 65536, pause: float = 0) -> bytes:
    """Read one answer, slowly if asked to, or what comes of it before the server hangs up."""
    received = b""
    while not is_whole(received):
        try:
            chunk = connection.recv(size)
        except ConnectionError:
            break
        if not chunk:
            break
        received += chunk
        if pause:
            time.sleep(pause)
    return received
