"""A generated application, from import to shutdown. Reason to change: its startup or shutdown."""

import asyncio
import importlib
import logging
import os
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from crudgen.codegen.tree import SourceTree
from crudgen.delivery import disk, garbage, memory
from crudgen.delivery.own_errors import own_code_error
from crudgen.delivery.project import code_files
from crudgen.errors import CrudgenError, ServeError

if TYPE_CHECKING:
    from pydantic import ValidationError
    from sqlalchemy import MetaData

_log = logging.getLogger("crudgen")

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class GenerationSource:
    """What is needed to create a generated application: its source tree and options.

    It can be pickled, to pass it to worker processes.
    """

    tree: SourceTree
    database: str | None = None
    """Database URL; overrides DATABASE_URL and the spec."""
    keep: Path | None = None
    """Folder from which the code is imported; None for memory."""
    root_path: str | None = None
    """Path prefix of the API behind a proxy; overrides ROOT_PATH."""
    log_level: str | None = None
    """Level of the log, if the settings have none."""

    def write(self) -> None:
        """Write the tree to the folder `keep`, if it is set. Raises OutputError."""
        if self.keep is not None:
            disk.write(self.tree, self.keep, conflicts=False)

    def load(self) -> "Generation":
        """Return a new generation: import the code, and create the application.

        Raises ServeError for invalid settings, and any exception of the code.
        """
        own = self._user_files()
        try:
            package = self._import()
            try:
                options = (self.database, self.root_path, self.log_level)
                application, database = create_application(package, *options)
            except BaseException:
                memory.unload(package)
                raise
        except BaseException as error:
            raise _as_user_error(error, own) from error
        return Generation(self.tree, package, application, database, own)

    def _import(self) -> ModuleType:
        if self.keep:
            return memory.import_folder(self.keep)
        locations = {file.path: file.location for file in self.tree.files if file.location}
        return memory.import_tree(self.tree, locations)

    def _user_files(self) -> frozenset[str]:
        """Return the file names of the modules that the user wrote or edited."""
        if self.keep is None:
            return frozenset(file.location for file in self.tree.files if file.location)
        folder = self.keep.resolve()
        generated = {
            str(folder / file.path): file.text for file in self.tree.files if not file.location
        }
        return frozenset(
            str(file)
            for file in code_files(folder)
            if memory.read_source(file) != generated.get(str(file))
        )


class Generation:
    """A generated application and its package. Each reload creates another generation."""

    def __init__(
        self,
        tree: SourceTree,
        package: ModuleType,
        application: Application,
        database: str,
        own_files: Collection[str] = (),
    ) -> None:
        self.tree = tree
        self._user_files = own_files
        self.package = package
        self.database = database
        """The database URL, including the password."""
        self.application = application
        self._state: dict[str, Any] = {}
        self._lifespan = _Lifespan(application, self._state)
        self._requests = 0
        self._idle = asyncio.Event()
        self._idle.set()
        if hasattr(application, "hold"):
            application.hold = self._request_context

    @property
    def masked_database(self) -> str:
        """The database URL without the password."""
        urls = importlib.import_module(f"{self.package.__name__}.kit.database.urls")
        return str(urls.mask_url(self.database))

    @property
    def metadata(self) -> "MetaData":
        """The tables of the application."""
        models = importlib.import_module(f"{self.package.__name__}.kit.models")
        found: MetaData = models.Model.metadata
        return found

    def prepare_workers(self) -> None:
        """Prepare what worker processes share, before they start."""
        settings = importlib.import_module(f"{self.package.__name__}.settings").Settings
        settings.prepare_workers()

    def module(self, name: str) -> Any:
        """Return a module of the package, such as `kit.models`."""
        return importlib.import_module(f"{self.package.__name__}.{name}")

    def discard(self) -> None:
        """Unload the package of a generation that was not started."""
        memory.unload(self.package)

    async def start(self) -> None:
        """Start the lifespan of the application. If that fails, unload the package.

        Raises ServeError for an error that the user can fix, and any other exception of the code.
        """
        try:
            await self._lifespan.startup()
        except BaseException as error:
            self._lifespan.cancel_startup()
            memory.unload(self.package)
            raise _as_user_error(error, self._user_files) from error

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Handle a request."""
        with self._request_context(scope):
            await self.application(scope, receive, send)

    def _request_context(self, scope: MutableMapping[str, Any]) -> AbstractContextManager[None]:
        """Return the context of a request: it is pending, and has the application's state."""
        scope["state"] = dict(self._state)
        return self.pending_request()

    @contextmanager
    def pending_request(self) -> Iterator[None]:
        """Count a request as pending within a `with` block: the package stays loaded."""
        self._requests += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._requests -= 1
            if not self._requests:
                self._idle.set()

    async def wait_until_idle(self) -> None:
        """Wait until no request is pending."""
        await self._idle.wait()

    async def retire(self) -> None:
        """Wait for pending requests, shut down the application, and unload the package."""
        await self.wait_until_idle()
        try:
            await self._lifespan.shutdown()
        except Exception:  # noqa: BLE001 -- the package must be unloaded
            _log.exception("The application failed to shut down")
        finally:
            memory.unload(self.package)
            await asyncio.to_thread(garbage.free_memory)


class _Lifespan:
    """The server's side of the ASGI lifespan protocol, for one application."""

    def __init__(self, application: Application, state: dict[str, Any]) -> None:
        self.application = application
        self._state = state
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._started = asyncio.Event()
        self._failure = ""
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
            raise RuntimeError(self._failure or "the application ended before it had started")

    async def shutdown(self) -> None:
        if self._task is not None:
            await self._inbox.put({"type": "lifespan.shutdown"})
            await self._task

    def cancel_startup(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _send(self, message: Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            self._started.set()
        else:
            self._failure = message.get("message", "")


def create_application(
    package: ModuleType,
    database: str | None,
    root_path: str | None = None,
    log_level: str | None = None,
) -> tuple[Application, str]:
    """Create the application of a package. Return it and its database URL, with the password.

    `log_level` applies if the settings have none.
    """
    settings_type = importlib.import_module(f"{package.__name__}.settings").Settings
    overrides = {"database_url": database, "root_path": root_path}
    chosen = {name: value for name, value in overrides.items() if value is not None}
    settings = settings_type(**chosen)
    if log_level is not None and getattr(settings, "log_level", log_level) is None:
        chosen["log_level"] = log_level
        settings = settings_type(**chosen)
    with _environment_variables(chosen):
        main = importlib.import_module(f"{package.__name__}.main")
    url = settings.database_url
    secret = getattr(url, "get_secret_value", None)
    application = getattr(main, "app", None) or main.create_app(settings)
    return application, str(secret() if secret else url)


@contextmanager
def _environment_variables(settings: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables within a `with` block, and restore them after it."""
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


def _as_user_error(error: BaseException, own_files: Collection[str]) -> BaseException:
    """Return a ServeError for an error that the user can fix in settings or code, else the error.

    Errors of settings also have frames in the user's `main.py`, so they are recognized first.
    """
    known = as_serve_error(error)
    return known if known is not error else own_code_error(error, own_files) or error


def as_serve_error(error: BaseException) -> BaseException:
    """Return a ServeError for an error that the user can fix, else the error itself.

    Generated code does not import crudgen, so its exceptions are recognized by name.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, CrudgenError) or not isinstance(error, Exception):
        return error
    if "StartupError" in names:
        return ServeError.of_startup(error)
    if "SettingsError" in names:
        return ServeError(f"invalid settings: {error}")
    if "ValidationError" in names and getattr(error, "title", "") == "Settings":
        from crudgen.kit.settings import describe_errors  # noqa: PLC0415 -- lazy

        return ServeError(describe_errors(cast("ValidationError", error)))
    return error
