"""Notices that a spec was saved: the file system's events wake it up, the files' states decide."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import TypeAlias

import watchfiles

# It logs every event; the application's logging would show them all.
logging.getLogger("watchfiles").setLevel(logging.WARNING)

_APP_FILE = "crudgen.yaml"
_LOOK_MILLISECONDS = 1000

State: TypeAlias = dict[Path, tuple[int, int, int]]


class Watch:
    """Watches the files of a folder, and `crudgen.yaml` beside the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._seen = self._look()

    def changed(self) -> bool:
        """Whether a file is not what it was when this was last asked."""
        seen, self._seen = self._seen, self._look()
        return self._seen != seen

    async def changes(self) -> AsyncGenerator[None, None]:
        """Yield after every change, once the folder has been quiet for a moment; never ends.

        It also looks once a second, whatever the events say: folders that are removed and made
        anew, network drives and containers lose events, and `crudgen.yaml` lies elsewhere.
        """
        while True:
            async with aclosing(self._wake_ups()) as wake_ups:
                async for _ in wake_ups:
                    if self.changed():
                        yield
                    if not self._folder.is_dir():
                        break

    async def _wake_ups(self) -> AsyncGenerator[None, None]:
        """Yield at every event in the folder, at least once a second, until it is gone."""
        try:
            async for _ in watchfiles.awatch(
                self._folder,
                watch_filter=None,
                debounce=400,
                rust_timeout=_LOOK_MILLISECONDS,
                yield_on_timeout=True,
                recursive=False,
            ):
                yield
        except OSError:  # no such folder, or too many watches: to look is enough
            await asyncio.sleep(_LOOK_MILLISECONDS / 1000)
            yield

    def _look(self) -> State:
        """Return what tells one state of the files from another."""
        found: State = {}
        try:
            # Every file counts: one that does not belong there is a problem too, until it goes.
            paths = [*self._folder.iterdir(), self._folder.parent / _APP_FILE]
        except OSError:
            paths = [self._folder.parent / _APP_FILE]
        for path in paths:
            try:
                state = path.stat()
            except OSError:
                continue  # there is none, or it was removed since
            found[path] = (state.st_mtime_ns, state.st_size, state.st_ino)
        return found
