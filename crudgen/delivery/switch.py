"""Replaces the running application. Reason to change: how requests are forwarded."""

import asyncio
from collections.abc import Callable, Coroutine, MutableMapping
from contextlib import suppress
from typing import Any, TypeAlias

from crudgen.delivery.garbage import paused_collection
from crudgen.delivery.generation import Generation, Receive, Recipe, Send

Background: TypeAlias = Callable[["Switch"], Coroutine[Any, Any, None]]
_CLOSE_SECONDS = 2.0
"""Time for an application to shut down, after uvicorn has waited for its requests."""


class Switch:
    """Forwards requests to the current generation, which `swap` replaces.

    Pending requests finish on their generation, and connections stay open. `background` runs from
    startup to shutdown of the server.
    """

    def __init__(self, recipe: Recipe, background: Background | None = None) -> None:
        self._recipe = recipe
        self._background = background
        self._current: Generation | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def current(self) -> Generation:
        """The generation that handles new requests. Raises RuntimeError if none is started."""
        if self._current is None:
            raise RuntimeError("the switch is not open")
        return self._current

    @property
    def retiring(self) -> int:
        """Number of former generations that are not shut down yet."""
        return len(self._tasks)

    async def open(self) -> None:
        """Start the first generation, unless it runs. Raises its exceptions, such as ServeError."""
        if self._current is None:
            self._current = await _start(self._recipe)

    async def swap(self, recipe: Recipe) -> None:
        """Start another generation, and forward new requests to it; retire the former one.

        Raises the exceptions of the start, such as ServeError; the current generation then stays.
        """
        new = await _start(recipe)
        old, self._current = self.current, new
        self._keep(asyncio.create_task(old.retire()))

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

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Keep a reference to a task until it is done: the event loop has only weak ones."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _start(recipe: Recipe) -> Generation:
    """Load and start a generation. The import runs in a thread, to not block the event loop."""
    with paused_collection():
        generation = await asyncio.to_thread(recipe.load)
        await generation.start()
    return generation
