"""The listening socket of a server. Reason to change: which addresses can be used."""

import errno
import os
import socket

from crudgen.errors import ServeError

_OWN_HOST = "  set --host to an address of this machine, such as 127.0.0.1 or 0.0.0.0"


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises ServeError if the address cannot be used."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        # Prefer IPv4: a name such as localhost can have several addresses.
        family, kind, protocol, _, address = min(found, key=lambda info: info[0] != socket.AF_INET)
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ServeError(
            f"cannot listen on {host!r}: no address was found for this host ({reason})\n{_OWN_HOST}"
        ) from error
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
        listener.set_inheritable(True)
    except OSError as error:
        listener.close()
        raise ServeError(_listen_problem(host, port, error)) from error
    return listener


def _listen_problem(host: str, port: int, error: OSError) -> str:
    address = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is already in use on {host}\n  choose another port with --port"
    if error.errno == errno.EACCES:
        return f"no permission to listen on {address}\n  choose a port above 1023 with --port"
    return f"cannot listen on {address}: {error.strerror}\n{_OWN_HOST}"


def listener_url(listener: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
