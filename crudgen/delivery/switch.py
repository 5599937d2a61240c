"""Replaces the running application. Reason to change: how requests are forwarded."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, TypeAlias

from crudgen.delivery.garbage import paused_collection
from crudgen.delivery.generation import Generation, GenerationSource, Receive, Send
from crudgen.delivery.home import HomePage, is_home_request
from crudgen.delivery.start_warnings import StartWarnings
from crudgen.errors import CrudgenError, NotConnectedError, ServeError, TablesError

_log = logging.getLogger("crudgen")

Background: TypeAlias = Callable[["Switch"], Coroutine[Any, Any, None]]
_CLOSE_SECONDS = 2.0
"""Time for an application to shut down, after uvicorn has waited for its requests."""
_PENDING_SECONDS = 10.0
"""How long new requests are held until the pending ones end, before tables are changed."""


class Tables(Protocol):
    """Changes the tables of the database to those of a new generation."""

    def prepare_change(
        self, new: Generation, current: Generation | None
    ) -> Callable[[], None] | None:
        """Return a function that changes the tables, or None if there is nothing to do.

        `current` handles requests; None at the start. Raises TablesError if a command has to change
        them. The function raises CrudgenError; the tables are then unchanged.
        """

    def tables_have_changed(self) -> bool:
        """Return whether any table has changed since `prepare_change` was called."""

    def report_mistakes(self, current: Generation) -> None:
        """Report possible mistakes in a spec that was saved without a change of its code."""


class Switch:
    """Forwards requests to the current generation, which `swap` replaces.

    Pending requests finish on their generation, and connections stay open. If `tables` have to be
    changed, new requests are held meanwhile. `background` runs from startup to shutdown of the
    server. `home` adds a page at `/`.
    """

    def __init__(
        self,
        generation_source: GenerationSource,
        background: Background | None = None,
        tables: Tables | None = None,
        home: HomePage | None = None,
    ) -> None:
        self._generation_source = generation_source
        self._background = background
        self._tables = tables
        self._home = home
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._current: Generation | None = None
        self._warnings = StartWarnings()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def current(self) -> Generation:
        """The generation that handles new requests. Raises RuntimeError if none is started."""
        if self._current is None:
            raise RuntimeError("the switch is not open")
        return self._current

    @property
    def retiring_count(self) -> int:
        """Number of former generations that are not shut down yet."""
        return len(self._tasks)

    @property
    def direct_requests(self) -> Any:
        """What handles requests to the current generation without ASGI; None if nothing may."""
        if self._current is None or not self._is_open.is_set():
            return None
        return getattr(self._current.application, "direct_requests", None)

    async def open(self) -> None:
        """Start the first generation, unless it runs. Raises its exceptions, such as ServeError.

        An error of the change of tables is raised if the application does not start without the
        change, or if a new table or column may be a renamed one; it is logged otherwise.
        """
        if self._current is None:
            with paused_collection():
                new = await asyncio.to_thread(self._generation_source.load)
                refusal: CrudgenError | None = None
                try:
                    await self._change_tables(new)
                except CrudgenError as error:
                    refusal = error
                if isinstance(refusal, TablesError) and refusal.may_be_renamed:
                    new.discard()
                    raise refusal
                try:
                    await self._start(new)
                except ServeError as error:
                    raise refusal or error from None
            # The application itself reports that it has no connection.
            if refusal is not None and not isinstance(refusal, NotConnectedError):
                _log.warning("%s", refusal)
            self._current = new

    async def swap(self, generation_source: GenerationSource) -> None:
        """Start another generation, and forward new requests to it; retire the former one.

        Raises the exceptions of the start, such as ServeError, and of the change of tables; the
        current generation then stays.
        """
        with paused_collection():
            new = await asyncio.to_thread(generation_source.load)
            try:
                change = await self._prepare_change(new)
            except BaseException:
                new.discard()
                raise
            if change is None:
                await self._replace_by(new)
            else:
                async with self._held_requests():
                    try:
                        await self._wait_for_pending_requests()
                        await asyncio.to_thread(change)
                    except BaseException:
                        new.discard()
                        raise
                    await self._replace_by(new)

    async def _start(self, new: Generation) -> None:
        with self._warnings.without_repeats(new.package.__name__):
            await new.start()

    async def _replace_by(self, new: Generation) -> None:
        await self._start(new)
        old, self._current = self.current, new
        self._keep_reference(asyncio.create_task(old.retire()))

    @asynccontextmanager
    async def _held_requests(self) -> AsyncIterator[None]:
        """Let new requests wait within an `async with` block."""
        self._is_open.clear()
        try:
            yield
        finally:
            self._is_open.set()

    async def _wait_for_pending_requests(self) -> None:
        """Wait until no generation has pending requests. Raises ServeError if that takes long."""
        try:
            async with asyncio.timeout(_PENDING_SECONDS):
                await self.current.wait_until_idle()
                await asyncio.gather(*map(asyncio.shield, self._tasks))
        except TimeoutError:
            raise ServeError(
                f"the tables were not changed: requests were pending for {_PENDING_SECONDS:.0f} s\n"
                "  save the spec again when they have ended"
            ) from None

    async def _prepare_change(self, new: Generation) -> Callable[[], None] | None:
        if self._tables is None:
            return None
        return await asyncio.to_thread(self._tables.prepare_change, new, self._current)

    async def _change_tables(self, new: Generation) -> None:
        change = await self._prepare_change(new)
        if change is not None:
            await asyncio.to_thread(change)

    async def close(self) -> None:
        """Shut down every generation. Cancel those that take longer than _CLOSE_SECONDS."""
        tasks = [*self._tasks, asyncio.create_task(self.current.retire())]
        _, late = await asyncio.wait(tasks, timeout=_CLOSE_SECONDS)
        for task in late:
            task.cancel()
        self._current = None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Forward a request to the current generation."""
        if scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)
        else:
            while not self._is_open.is_set():
                await self._is_open.wait()
            if self._home is not None and is_home_request(scope):
                await self._home.forward(self.current, scope, receive, send)
            else:
                await self.current(scope, receive, send)

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.open()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        background = self._background and asyncio.create_task(self._background(self))
        await send({"type": "lifespan.startup.complete"})
        # CancelledError: Ctrl+C before uvicorn handles signals. The shutdown is the same.
        with suppress(asyncio.CancelledError):
            await receive()
        if background:
            background.cancel()
            await asyncio.wait({background})
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _keep_reference(self, task: asyncio.Task[None]) -> None:
        """Keep a reference to a task until it is done: the event loop has only weak ones."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
