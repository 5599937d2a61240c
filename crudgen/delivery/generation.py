"""One generated application that runs: imported, created, its lifespan started; and its end."""

import asyncio
import importlib
import logging
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from crudgen.codegen.tree import SourceTree
from crudgen.delivery import disk, garbage, memory
from crudgen.errors import CrudgenError, ServeError

_log = logging.getLogger("crudgen")

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an application is made from; it can be sent to another process."""

    tree: SourceTree
    database: str | None = None
    """Database URL that replaces the one of the environment and of the spec."""
    keep: Path | None = None
    """Folder to import the code from; None: from memory."""
    root_path: str | None = None
    """Path below which a proxy serves it; replaces the one of the environment."""

    def write(self) -> None:
        """Write the tree to the folder, if there is one. Raises as `disk.write` does."""
        if self.keep is not None:
            disk.write(self.tree, self.keep)

    def load(self) -> "Generation":
        """Import the code and create the application.

        Raises ServeError when the environment does not suit it, else what the code raises.
        """
        package = memory.import_folder(self.keep) if self.keep else memory.import_tree(self.tree)
        try:
            application, database = create(package, self.database, self.root_path, "INFO")
        except BaseException as error:
            memory.unload(package)
            raise explained(error) from error
        return Generation(self.tree, package, application, database)


class Generation:
    """A generated application together with the modules it came from."""

    def __init__(
        self, tree: SourceTree, package: ModuleType, application: Application, database: str
    ) -> None:
        self.tree = tree
        self.package = package
        self.database = database
        """The database URL in use, password included."""
        self.application = application
        self._state: dict[str, Any] = {}
        self._lifespan = _Lifespan(application, self._state)
        self._requests = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def shown_database(self) -> str:
        """The database URL in use, without its password; the application's own code knows how."""
        urls = importlib.import_module(f"{self.package.__name__}.kit.database.urls")
        return str(urls.shown(self.database))

    async def start(self) -> None:
        """Start the application's lifespan; if that fails, forget the application.

        Raises ServeError when the application says why it cannot start, else what it raises.
        """
        try:
            await self._lifespan.startup()
        except BaseException as error:
            self._lifespan.abandon()
            memory.unload(self.package)
            raise explained(error) from error

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        self._requests += 1
        self._idle.clear()
        scope["state"] = dict(self._state)
        try:
            await self.application(scope, receive, send)
        finally:
            self._requests -= 1
            if not self._requests:
                self._idle.set()

    async def retire(self) -> None:
        """Wait for the requests in flight, end the lifespan, forget the modules."""
        await self._idle.wait()
        try:
            await self._lifespan.shutdown()
        except Exception:  # noqa: BLE001 -- whatever it is, the modules are forgotten
            _log.exception("the application did not end in order")
        finally:
            memory.unload(self.package)
            await asyncio.to_thread(garbage.free)


class _Lifespan:
    """The server's side of the ASGI lifespan protocol."""

    def __init__(self, application: Application, state: dict[str, Any]) -> None:
        self.application = application
        self._state = state
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._started = asyncio.Event()
        self._complaint = ""
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self._state}
        self._task = asyncio.ensure_future(self.application(scope, self._inbox.get, self._send))
        await self._inbox.put({"type": "lifespan.startup"})
        started = asyncio.ensure_future(self._started.wait())
        try:
            await asyncio.wait({self._task, started}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            started.cancel()
        if not self._started.is_set():
            await self._task
            raise RuntimeError(self._complaint or "the application ended while it was starting")

    async def shutdown(self) -> None:
        if self._task is not None:
            await self._inbox.put({"type": "lifespan.shutdown"})
            await self._task

    def abandon(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _send(self, message: Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            self._started.set()
        else:
            self._complaint = message.get("message", "")


def create(
    package: ModuleType,
    database: str | None,
    root_path: str | None = None,
    log_level: str | None = None,
) -> tuple[Application, str]:
    """Create the application of an imported package; return it with its database URL.

    `log_level` counts where the settings have none.
    """
    settings_type = importlib.import_module(f"{package.__name__}.settings").Settings
    chosen = {"database_url": database, "root_path": root_path}
    given = {name: value for name, value in chosen.items() if value is not None}
    settings = settings_type(**given)
    if log_level is not None and getattr(settings, "log_level", None) is None:
        given["log_level"] = log_level
        settings = settings_type(**given)
    with _environment(given):
        main = importlib.import_module(f"{package.__name__}.main")
    url = settings.database_url
    secret = getattr(url, "get_secret_value", None)
    application = getattr(main, "app", None) or main.create_app(settings)
    return application, str(secret() if secret else url)


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while."""
    variables = {name.upper(): value for name, value in settings.items()}
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def explained(error: BaseException) -> BaseException:
    """Return the ServeError that tells a user what is wrong, or the error itself if it is a bug.

    Generated code imports nothing of crudgen, so its errors are known by their names.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, CrudgenError) or not isinstance(error, Exception):
        return error
    if "StartupError" in names:
        return ServeError(str(getattr(error, "message", error)))
    if "SettingsError" in names:
        return ServeError(f"the environment does not suit the application: {error}")
    if "ValidationError" in names and getattr(error, "title", "") == "Settings":
        problems: list[dict[str, Any]] = error.errors()  # type: ignore[attr-defined]
        lines = [f"{_variable(problem['loc'])}: {problem['msg']}" for problem in problems]
        return ServeError("\n".join(lines))
    return error


def _variable(place: tuple[str | int, ...]) -> str:
    """Name the environment variable of a setting."""
    return "__".join(str(part) for part in place).upper()
