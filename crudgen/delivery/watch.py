"""Detects changes of served files, by events and polling. Reason to change: which are watched."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TypeAlias

import watchfiles

from crudgen.delivery.project import code_files
from crudgen.delivery.record import RECORD

# It logs every event at level DEBUG and INFO.
logging.getLogger("watchfiles").setLevel(logging.WARNING)

_APP_FILE = "crudgen.yaml"
_POLL_MILLISECONDS = 1000

State: TypeAlias = dict[Path, tuple[int, int, int]]
Others: TypeAlias = Callable[[], Awaitable[bool]]
"""Returns whether something has changed that is no file."""


class Watch:
    """Detects changes of the files in a folder, of `crudgen.yaml` next to it, and of a project.

    Those of a project are the modules of its package, and its record.
    """

    def __init__(self, folder: Path, project: Path | None = None) -> None:
        """Watch a folder of entities, and the folder of a project, which may not exist."""
        self._folder = folder.absolute()
        self._project = project.absolute() if project else None
        self._seen = self._file_states()

    def has_changed(self) -> bool:
        """Return whether a file has changed since the last call."""
        seen, self._seen = self._seen, self._file_states()
        return self._seen != seen

    async def changes(self, others: Others) -> AsyncGenerator[bool, None]:
        """Yield after every change, forever: True for a change of files, False if `others` has one.

        Changes in quick succession are combined. `others` is called every second.
        Also polls every second: events are missing for recreated folders, network drives,
        containers, and for `crudgen.yaml`, which is outside the folder.
        """
        while True:
            folders = self._watched_folders()
            async with aclosing(self._events_and_polls(folders)) as ticks:
                async for _ in ticks:
                    if self.has_changed():
                        yield True
                    elif await others():
                        yield False
                    if not self._folder.is_dir() or self._watched_folders() != folders:
                        break

    def _watched_folders(self) -> set[Path]:
        """Return the folders of the files that were last seen, and that of the entities."""
        return {self._folder} | {path.parent for path in self._seen} - {self._folder.parent}

    async def _events_and_polls(self, folders: set[Path]) -> AsyncGenerator[None, None]:
        """Yield at every event in the folders, and every second; once if one cannot be watched."""
        try:
            async for _ in watchfiles.awatch(
                *folders,
                watch_filter=None,
                debounce=400,
                rust_timeout=_POLL_MILLISECONDS,
                yield_on_timeout=True,
                recursive=False,
            ):
                yield
        except OSError:  # no such folder, or too many watches: poll only
            await asyncio.sleep(_POLL_MILLISECONDS / 1000)
            yield

    def _file_states(self) -> State:
        """Return modification time, size and inode of each file."""
        found: State = {}
        paths = [self._folder.parent / _APP_FILE]
        with suppress(OSError):
            # Include other files: they are reported as problems.
            paths += self._folder.iterdir()
        if self._project:
            paths += [*code_files(self._project), self._project / RECORD]
        for path in paths:
            try:
                state = path.stat()
            except OSError:
                continue  # missing, or removed meanwhile
            found[path] = (state.st_mtime_ns, state.st_size, state.st_ino)
        return found
