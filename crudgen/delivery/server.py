"""Runs applications with uvicorn, and reloads them. Reason to change: the use of uvicorn."""

import asyncio
import copy
import os
import socket
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import uvicorn
from uvicorn.config import LOGGING_CONFIG
from uvicorn.supervisors import Multiprocess

from crudgen.codegen.tree import SourceTree
from crudgen.delivery.closing import SETTLE_SECONDS, drop_new_connections
from crudgen.delivery.garbage import paused_collection
from crudgen.delivery.generation import Generation, GenerationSource
from crudgen.delivery.home import Home, HomePage, is_loopback
from crudgen.delivery.listening import listen, listener_url
from crudgen.delivery.switch import Switch, Tables
from crudgen.delivery.watch import Watch
from crudgen.errors import CrudgenError, DatabaseError, ServeError, TablesError
from crudgen.kit.workers import install_worker

_GRACE_SECONDS = 7
"""Time for pending requests after a signal. With the timeout in switch.py, below 10 seconds."""
_HTTP = "crudgen.kit.http.protocol:HttpProtocol"
"""The HTTP protocol class of the kit, which emitted projects use too."""
_RETRY_SECONDS = 0.15
"""Wait before a failed reload is reported: an editor may still write the file."""
_OF_TABLES = (TablesError, DatabaseError, ServeError)
"""Errors that tables can cause."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the server."""

    host: str = "127.0.0.1"
    port: int = 8000
    database: str | None = None
    """Database URL; overrides DATABASE_URL and the spec."""
    root_path: str | None = None
    """Path prefix of the API behind a proxy; overrides ROOT_PATH."""
    workers: int = 1
    watch: Path | None = None
    """Folder whose changes reload the application. Requires one worker."""
    project: Path | None = None
    """Folder of a project, whose code is watched too. It may not exist."""
    keep: Path | None = None
    """Folder to which the code is written and from which it is imported; None for memory."""


class Reporter(Protocol):
    """Reports the state of the server to the user. The command line implements it."""

    def report_serving(self, url: str, generation: Generation) -> None:
        """Report that the application serves requests at `url`."""

    def report_reload(self, generation: Generation) -> None:
        """Report that the application of a changed spec is served."""

    def report_recovery(self) -> None:
        """Report that the spec is valid again, and the same as the one that is served."""

    def report_failure(self, error: Exception) -> None:
        """Report why a changed spec is not served. The last valid one is still served."""


@dataclass(frozen=True, slots=True)
class TableFollowing:
    """What makes the tables follow a spec while it is served."""

    tables: Tables
    build_keeping_served: Callable[[Collection[str]], SourceTree]
    """Generates the code of the spec with these files as they are served. Raises CrudgenError."""


def serve(
    build: Callable[[], SourceTree],
    options: Options,
    reporter: Reporter,
    following: TableFollowing | None = None,
    home: Home | None = None,
) -> None:
    """Serve the application that `build` generates, until a signal stops the server.

    Without `following`, the tables are not changed. `home` makes the page at `/` if the address is
    a loopback address; with several workers, it is copied to them.

    Raises ServeError if the address is in use or the application cannot start, OutputError if the
    folder cannot be written, KeyboardInterrupt after Ctrl+C, and any exception of `build`.
    """
    watch = Watch(options.watch, options.project) if options.watch else None
    with paused_collection():
        import_module(_HTTP.partition(":")[0])  # the application looks for it when it starts
        generation_source = GenerationSource(
            build(), options.database, options.keep, options.root_path, "INFO"
        )
    generation_source.write()
    with listen(options.host, options.port) as listener:
        if not is_loopback(listener.getsockname()[0]):
            home = None
        if options.workers > 1:
            _serve_workers(generation_source, listener, options, reporter, home)
            return

        async def reload_on_changes(switch: Switch) -> None:
            if watch:
                await _Reloader(switch, build, generation_source, reporter, following).run(watch)

        tables = following.tables if following else None
        page = HomePage(home) if home else None
        config = _uvicorn_config(
            Switch(generation_source, reload_on_changes, tables, page), options
        )
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(_run_server(config, listener, reporter))


async def _run_server(config: uvicorn.Config, listener: socket.socket, reporter: Reporter) -> None:
    switch: Switch = config.app  # type: ignore[assignment]
    await switch.open()
    reporter.report_serving(listener_url(listener), switch.current)
    await _Server(config).serve(sockets=[listener])


class _Server(uvicorn.Server):
    """A uvicorn server that accepts pending connections before it shuts down."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept pending connections, then shut down."""
        drop_new_connections(sockets or [])
        await asyncio.sleep(SETTLE_SECONDS)
        await super().shutdown(sockets)


@dataclass(slots=True)
class _Reloader:
    """Reloads the application after each change of the spec; reports errors.

    If the tables prevented that, it is tried again after another process has changed them.
    """

    switch: Switch
    build: Callable[[], SourceTree]
    generation_source: GenerationSource
    reporter: Reporter
    following: TableFollowing | None
    failure: Exception | None = None
    """Why the spec is not served; None if it is."""

    async def run(self, watch: Watch) -> None:
        async for is_of_files in watch.changes(self._tables_have_changed):
            is_saved = is_of_files
            while True:
                try:
                    await self._reload()
                    self.failure = None
                except Exception as error:  # noqa: BLE001 -- the server must continue
                    # Some editors write in several steps: retry before reporting a partial file.
                    await asyncio.sleep(_RETRY_SECONDS)
                    if watch.has_changed():
                        is_saved = True
                        continue
                    if is_saved or str(error) != str(self.failure):
                        self.reporter.report_failure(error)
                    self.failure = error
                break

    async def _tables_have_changed(self) -> bool:
        """Return whether another process has changed the tables that prevented the reload."""
        if self.following is None or not isinstance(self.failure, _OF_TABLES):
            return False
        return await asyncio.to_thread(self.following.tables.tables_have_changed)

    async def _reload(self) -> None:
        tree = await asyncio.to_thread(self.build)
        if tree != self.switch.current.tree:
            await self._serve_tree(tree)
        elif self.failure is not None:
            self.reporter.report_recovery()
        elif self.following is not None:
            with suppress(CrudgenError):
                await asyncio.to_thread(self.following.tables.report_mistakes, self.switch.current)

    async def _serve_tree(self, tree: SourceTree) -> None:
        """Serve another tree. If the tables of some entities must stay, serve the rest of it."""
        try:
            await self._swap_tree(tree)
        except TablesError as error:
            with suppress(CrudgenError):
                await self._serve_keeping_files(error.files)
            raise

    async def _serve_keeping_files(self, files: Collection[str]) -> None:
        if self.following is not None and files:
            tree = await asyncio.to_thread(self.following.build_keeping_served, files)
            if tree != self.switch.current.tree:
                await self._swap_tree(tree)

    async def _swap_tree(self, tree: SourceTree) -> None:
        new = replace(self.generation_source, tree=tree)
        await asyncio.to_thread(new.write)
        await self.switch.swap(new)
        self.reporter.report_reload(self.switch.current)


@dataclass(frozen=True, slots=True)
class _WorkerFactory:
    """Creates the application of a worker process from the GenerationSource of the parent."""

    generation_source: GenerationSource
    home: Home | None

    def __call__(self) -> Switch:
        return Switch(self.generation_source, home=HomePage(self.home) if self.home else None)


def _serve_workers(
    generation_source: GenerationSource,
    listener: socket.socket,
    options: Options,
    reporter: Reporter,
    home: Home | None,
) -> None:
    asyncio.run(_check_start(generation_source, listener_url(listener), reporter))
    install_worker()
    _Workers(
        _uvicorn_config(_WorkerFactory(generation_source, home), options, factory=True), [listener]
    ).run()


class _Workers(Multiprocess):
    """Worker processes that share a listening socket."""

    def terminate_all(self) -> None:
        """Close the socket, then stop the workers: the open socket would accept connections."""
        drop_new_connections(self.sockets)
        time.sleep(SETTLE_SECONDS)
        for listener in self.sockets:
            listener.close()
        super().terminate_all()


async def _check_start(generation_source: GenerationSource, url: str, reporter: Reporter) -> None:
    """Start and stop the application: report errors and create tables before workers start."""
    switch = Switch(generation_source)
    await switch.open()
    reporter.report_serving(url, switch.current)
    switch.current.prepare_workers()
    await switch.close()


def _uvicorn_config(application: Any, options: Options, *, factory: bool = False) -> uvicorn.Config:
    log = copy.deepcopy(LOGGING_CONFIG)
    log["loggers"]["uvicorn.error"]["level"] = "WARNING"  # the reporter prints the INFO
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
