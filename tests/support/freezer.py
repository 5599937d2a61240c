"""A TCP proxy in front of PostgreSQL that can stop forwarding, as a network or a host does."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from sqlalchemy import make_url


class FreezingProxy:
    """Forwards connections to one database; frozen, it keeps them open and forwards nothing."""

    def __init__(self, database: str) -> None:
        self._database = make_url(database)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: set[_Connection] = set()
        self._lock = threading.Lock()
        self._flows = threading.Event()
        """Set while new connections are forwarded."""
        self._flows.set()
        self._is_over = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The URL of the database through the proxy."""
        host, port = self._listener.getsockname()
        own = self._database.set(host=host, port=port, query={})
        return own.render_as_string(hide_password=False)

    def freeze(self, *, new: bool = True) -> None:
        """Stop forwarding on the connections that are open, and on new ones unless told."""
        with self._lock:
            if new:
                self._flows.clear()
            for connection in self._connections:
                connection.flows.clear()

    def thaw(self) -> None:
        """Forward what has come meanwhile, and go on."""
        with self._lock:
            self._flows.set()
            for connection in self._connections:
                connection.flows.set()

    def drop(self) -> None:
        """Close every connection, as a replaced database does; new ones are forwarded."""
        with self._lock:
            self._flows.set()
            dropped, self._connections = self._connections, set()
        for connection in dropped:
            connection.close()

    @property
    def count(self) -> int:
        """How many connections are open."""
        with self._lock:
            return len(self._connections)

    def close(self) -> None:
        self._is_over = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._is_over:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        connection = _Connection(client)
        with self._lock:
            self._connections.add(connection)
            if self._flows.is_set():
                connection.flows.set()
        connection.flows.wait()
        with suppress(OSError):
            connection.open(self._connect())
        with self._lock:
            self._connections.discard(connection)
        connection.close()

    def _connect(self) -> socket.socket:
        folder = self._database.query.get("host")
        if folder:
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{folder}/.s.PGSQL.{self._database.port or 5432}")
            return server
        return socket.create_connection((self._database.host, self._database.port or 5432))


class _Connection:
    """A client's connection and the one to the server."""

    def __init__(self, client: socket.socket) -> None:
        self.flows = threading.Event()
        self._sockets = [client]
        self._is_closed = False

    def open(self, server: socket.socket) -> None:
        """Forward in both directions until one side closes."""
        self._sockets.append(server)
        if self._is_closed:
            self.close()
        client = self._sockets[0]
        back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
        back.start()
        self._pump(client, server)
        back.join()

    def close(self) -> None:
        self._is_closed = True
        self.flows.set()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.flows.wait()
                target.sendall(data)
        self.flows.wait()
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
