"""uvicorn: a socket, one process or several, and the reloading of a spec that is being edited."""

import asyncio
import copy
import errno
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import uvicorn
from uvicorn.config import LOGGING_CONFIG
from uvicorn.supervisors import Multiprocess

from crudgen.codegen.tree import SourceTree
from crudgen.delivery.closing import SETTLE_SECONDS, refuse_connections
from crudgen.delivery.generation import Generation, Recipe
from crudgen.delivery.switch import Switch
from crudgen.delivery.watch import Watch
from crudgen.errors import ServeError
from crudgen.kit.fast.garbage import uncollected

_GRACE_SECONDS = 7
"""For requests in flight after a signal; what follows, see switch.py, ends within ten seconds."""
_HTTP = "crudgen.kit.http.protocol:HttpProtocol"
"""The protocol that an emitted project is told to use; the server imports it by its name."""
_SECOND_LOOK_SECONDS = 0.15


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve."""

    host: str = "127.0.0.1"
    port: int = 8000
    database: str | None = None
    """Database URL that replaces the one of the environment and of the spec."""
    root_path: str | None = None
    """Path below which a proxy serves it; replaces the one of the environment."""
    workers: int = 1
    watch: Path | None = None
    """Folder whose changes reload the application; only with one worker."""
    keep: Path | None = None
    """Folder where the code is written and run from; None: it stays in memory."""


class Reporter(Protocol):
    """What the user is told, and when; delivery itself never prints."""

    def serving(self, url: str, generation: Generation) -> None:
        """Say that the application answers at `url`."""

    def reloaded(self, generation: Generation) -> None:
        """Say that a changed spec is served from now on."""

    def settled(self) -> None:
        """Say that the spec is again what is being served, after a failure."""

    def failed(self, error: Exception) -> None:
        """Say why the changed spec is not served; the last good one goes on."""


def serve(build: Callable[[], SourceTree], options: Options, reporter: Reporter) -> None:
    """Serve what `build` makes, until a signal ends it.

    Raises what `build` raises, ServeError when the address is taken or the application cannot
    start, OutputError for the folder to keep, KeyboardInterrupt after Ctrl+C.
    """
    watch = Watch(options.watch) if options.watch else None
    with uncollected():
        recipe = Recipe(build(), options.database, options.keep, options.root_path)
    recipe.write()
    with listen(options.host, options.port) as listener:
        if options.workers > 1:
            _serve_workers(recipe, listener, options, reporter)
            return

        async def follow(switch: Switch) -> None:
            if watch:
                await _follow(switch, watch, build, recipe, reporter)

        config = _config(Switch(recipe, follow), options)
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(_serve_one(config, listener, reporter))


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket. Raises ServeError when that is impossible."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        # A name such as localhost has several; clients try IPv4 in any case.
        family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise ServeError(
            f"cannot listen on {host!r}: {getattr(error, 'strerror', None) or error}\n"
            "  --host takes an address of this machine, such as 127.0.0.1 or 0.0.0.0"
        ) from error
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
        listener.set_inheritable(True)
    except OSError as error:
        listener.close()
        raise ServeError(_why_not(host, port, error)) from error
    return listener


def _why_not(host: str, port: int, error: OSError) -> str:
    place = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is already in use on {host}\n  choose another one with --port"
    if error.errno == errno.EACCES:
        return f"not allowed to listen on {place}\n  choose a port above 1023 with --port"
    return f"cannot listen on {place}: {error.strerror}"


async def _serve_one(config: uvicorn.Config, listener: socket.socket, reporter: Reporter) -> None:
    switch: Switch = config.app  # type: ignore[assignment]
    await switch.open()
    reporter.serving(_url(listener), switch.current)
    await _Server(config).serve(sockets=[listener])


class _Server(uvicorn.Server):
    """A server that ends its listening socket without losing a connection."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept what is connected, then end as uvicorn does."""
        refuse_connections(sockets or [])
        await asyncio.sleep(SETTLE_SECONDS)
        await super().shutdown(sockets)


async def _follow(
    switch: Switch,
    watch: Watch,
    build: Callable[[], SourceTree],
    recipe: Recipe,
    reporter: Reporter,
) -> None:
    """Serve each good state of the spec; tell about the others."""
    broken = False
    async for _ in watch.changes():
        while True:
            try:
                tree = await asyncio.to_thread(build)
                if tree != switch.current.tree:
                    new = replace(recipe, tree=tree)
                    await asyncio.to_thread(new.write)
                    await switch.swap(new)
                    reporter.reloaded(switch.current)
                elif broken:
                    reporter.settled()
                broken = False
            except Exception as error:  # noqa: BLE001 -- whatever it is, the last good one goes on
                # Some editors write in several steps: half a file is not worth a message.
                await asyncio.sleep(_SECOND_LOOK_SECONDS)
                if watch.changed():
                    continue
                broken = True
                reporter.failed(error)
            break


@dataclass(frozen=True, slots=True)
class _WorkerFactory:
    """Makes the application of a worker process, from the tree that the parent has rendered."""

    recipe: Recipe

    def __call__(self) -> Switch:
        return Switch(self.recipe)


def _serve_workers(
    recipe: Recipe, listener: socket.socket, options: Options, reporter: Reporter
) -> None:
    asyncio.run(_try_out(recipe, _url(listener), reporter))
    config = _config(_WorkerFactory(recipe), options, factory=True)
    _Workers(config, sockets=[listener]).run()


class _Workers(Multiprocess):
    """Processes that share a listening socket."""

    def terminate_all(self) -> None:
        """End them. While this process held the socket, connections would be taken, unanswered."""
        refuse_connections(self.sockets)
        time.sleep(SETTLE_SECONDS)
        for listener in self.sockets:
            listener.close()
        super().terminate_all()


async def _try_out(recipe: Recipe, url: str, reporter: Reporter) -> None:
    """Start and end the application once: what fails, fails here with one message.

    It also creates missing tables, before several processes try to.
    """
    switch = Switch(recipe)
    await switch.open()
    reporter.serving(url, switch.current)
    await switch.close()


def _config(application: Any, options: Options, *, factory: bool = False) -> uvicorn.Config:
    log = copy.deepcopy(LOGGING_CONFIG)
    # What uvicorn says at this level, the reporter has said already.
    log["loggers"]["uvicorn.error"]["level"] = "WARNING"
    return uvicorn.Config(
        application,
        factory=factory,
        http=_HTTP,
        ws="none",
        host=options.host,
        port=options.port,
        workers=options.workers,
        lifespan="on",
        log_config=log,
        access_log=options.watch is not None,
        use_colors=False if os.environ.get("NO_COLOR") else None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
