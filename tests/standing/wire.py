"""Requests as bytes, for clients that are slow, stuck or wrong."""

import socket

from servers import Api


def connect(api: Api, sent: bytes) -> socket.socket:
    """Open a connection and send the beginning of something."""
    host, port = str(api.client.base_url)[7:].rstrip("/").split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    try:
        connection.sendall(sent)
    except OSError:
        connection.close()
        raise
    return connection


def rest(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received
