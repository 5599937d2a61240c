"""The application that a server sees: it forwards to the current generation and can change it."""

import asyncio
from collections.abc import Callable, Coroutine, MutableMapping
from contextlib import suppress
from typing import Any, TypeAlias

from crudgen.delivery.generation import Generation, Receive, Recipe, Send
from crudgen.kit.fast.garbage import uncollected

Background: TypeAlias = Callable[["Switch"], Coroutine[Any, Any, None]]
_PATIENCE = 2.0
"""For the end of an application, in seconds: uvicorn has waited for its requests before."""


class Switch:
    """An ASGI application; `swap` replaces what is behind it between two requests.

    Requests in flight finish on the generation that they began on, and connections stay open.
    `background` runs from the start of the server to its end.
    """

    def __init__(self, recipe: Recipe, background: Background | None = None) -> None:
        self._recipe = recipe
        self._background = background
        self._current: Generation | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def current(self) -> Generation:
        """The generation that answers new requests."""
        if self._current is None:
            raise RuntimeError("the switch is not open")
        return self._current

    @property
    def retiring(self) -> int:
        """How many earlier generations still have requests in flight, or are being closed."""
        return len(self._tasks)

    async def open(self) -> None:
        """Start the first generation, unless it runs. Raises as `Recipe.load` does."""
        if self._current is None:
            self._current = await _start(self._recipe)

    async def swap(self, recipe: Recipe) -> None:
        """Start another generation; new requests go there once it runs.

        Raises as `Recipe.load` does; the current generation then stays.
        """
        new = await _start(recipe)
        old, self._current = self.current, new
        self._keep(asyncio.create_task(old.retire()))

    async def close(self) -> None:
        """End every generation; requests that are still in flight are waited for no longer."""
        tasks = [*self._tasks, asyncio.create_task(self.current.retire())]
        _, late = await asyncio.wait(tasks, timeout=_PATIENCE)
        for task in late:
            task.cancel()
        self._current = None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Forward a request to the current generation."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self.current(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.open()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        background = self._background and asyncio.create_task(self._background(self))
        await send({"type": "lifespan.startup.complete"})
        # Cancelled: Ctrl+C before uvicorn listens for signals. It ends in the same order.
        with suppress(asyncio.CancelledError):
            await receive()
        if background:
            background.cancel()
            await asyncio.wait({background})
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Hold a task until it is done: the event loop itself forgets tasks."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _start(recipe: Recipe) -> Generation:
    """Import in a thread, since it is work for the processor and the event loop must answer."""
    with uncollected():
        generation = await asyncio.to_thread(recipe.load)
        await generation.start()
    return generation
