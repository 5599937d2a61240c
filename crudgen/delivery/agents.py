"""Serves tools for agents on standard input and output. Reason to change: how they are served."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import mcp_types as types
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage

from crudgen.codegen.tree import SourceTree
from crudgen.delivery.generation import Generation, GenerationSource, Message, Receive, Send
from crudgen.delivery.standard_input import input_lines
from crudgen.delivery.switch import Switch
from crudgen.delivery.watch import Watch
from crudgen.errors import CrudgenError, SpecError
from crudgen.kit.mcp.arguments import Arguments
from crudgen.kit.mcp.calling import Origin
from crudgen.kit.mcp.messages import find_error
from crudgen.kit.mcp.requests import ToolProblem
from crudgen.kit.mcp.results import failure, success
from crudgen.kit.mcp.server import Context, Toolbox
from crudgen.kit.mcp.tools import Api, Tool, tools

_MAX_DEPTH = 100
"""Levels in the values of a row: the application has a limit of its own, which may be lower."""
_Send = Callable[[SessionMessage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class SpecTool:
    """A tool about the spec: it runs a function in a thread, and does not need the application."""

    name: str
    doc: str
    arguments: type[Arguments]
    function: Callable[..., Mapping[str, Any]]
    """Gets the arguments by name, and returns what the tool returns. Raises CrudgenError."""

    def tool(self) -> Tool:
        """Return it as a tool."""
        return Tool(self.name, self.doc, self.arguments, self._run, reads=True, needs_api=False)

    async def _run(self, _call: Any, arguments: Arguments) -> types.CallToolResult:
        try:
            found = await asyncio.to_thread(self.function, **arguments.model_dump())
        except CrudgenError as error:
            return failure(None, error_content(error))
        return success(dict(found), limit=None)


@dataclass(slots=True)
class ServedApplication:
    """The application of a spec, for agents. It starts with the first tool that needs it.

    `build` generates its code; if a file has changed since, the application is replaced. `entities`
    and `project` are the folders of the files. `credentials` is the value of Authorization.
    """

    build: Callable[[], SourceTree]
    database: str | None
    entities: Path
    project: Path | None = None
    credentials: str | None = None
    find_caller: Callable[[Generation], Any] | None = None
    """Returns the caller of all requests, who needs no credentials. Raises CrudgenError."""
    refusal: Callable[[], str] | None = None
    """Returns why tools may not write with the current spec; empty if they may."""
    _switch: Switch | None = None
    _watch: Watch | None = None
    _failure: CrudgenError | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def find_api(self, _context: Context, tool: Tool) -> tuple[Api, Origin]:
        """Return the application of the current files for a tool. Raises ToolProblem."""
        async with self._lock:
            try:
                generation = await self._current_generation()
            except CrudgenError as error:
                self._failure = error
                raise ToolProblem(f"the application cannot start: {error}") from None
            if not tool.reads and self.refusal is not None and (found := self.refusal()):
                raise ToolProblem(found)
        headers = [(b"host", b"localhost")]
        if self.find_caller is not None:
            headers.append((b"authorization", _OneCaller.HEADER))
        elif self.credentials is not None:
            headers.append((b"authorization", f"Bearer {self.credentials}".encode()))
        return _Api(generation), Origin(headers, ("127.0.0.1", 0))

    async def _current_generation(self) -> Generation:
        """Return the application of the current files. Raises CrudgenError."""
        watch = self._watch or Watch(self.entities, self.project)
        has_changed = self._watch is None or watch.has_changed()
        self._watch = watch
        if has_changed or self._failure is not None:
            self._failure = None
            tree = await asyncio.to_thread(self.build)
            generation_source = GenerationSource(tree, self.database, log_level="WARNING")
            if self._switch is None:
                import_module("crudgen.kit.http.protocol")  # else the start warns of its absence
                switch = Switch(generation_source)
                await switch.open()
                self._switch = switch
            elif tree.files != self._switch.current.tree.files:
                await self._switch.swap(generation_source)
            if self.find_caller is not None:
                generation = self._switch.current
                caller = await asyncio.to_thread(self.find_caller, generation)
                state: Any = generation.application
                state.state.tokens = _OneCaller(caller)
        if self._switch is None:
            raise RuntimeError("the application has not started")
        return self._switch.current

    async def close(self) -> None:
        """Shut down the application, if it has started."""
        if self._switch is not None:
            await self._switch.close()


class _Api:
    """The application of a generation, as tools use it."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._application: Any = generation.application
        if not hasattr(self._application, "collections"):
            raise ToolProblem("`app` in app/main.py is not made by build_application")

    @property
    def title(self) -> str:
        return str(self._application.title)

    @property
    def collections(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self._application.collections
        return found

    def openapi(self) -> dict[str, Any]:
        found: dict[str, Any] = self._application.openapi()
        return found

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        await self._generation(scope, receive, send)


class _OneCaller:
    """Stands for the verification of tokens: each request is of one caller."""

    HEADER = b"Bearer caller"

    def __init__(self, caller: Any) -> None:
        self._caller = caller

    def cached_caller(self, _header: bytes) -> Any:
        return self._caller

    async def caller(self, _header: bytes, _kind: type) -> Any:
        return self._caller


def error_content(error: CrudgenError) -> Any:
    """Return an error as a tool shows it: the diagnostics of a spec, or its message."""
    if isinstance(error, SpecError):
        return {"diagnostics": [asdict(one) for one in error.diagnostics]}
    return str(error)


def serve_tools(
    served: ServedApplication, of_spec: Iterable[SpecTool], *, version: str, read_only: bool
) -> None:
    """Serve the tools of an application and of its spec, until standard input ends, or SIGTERM.

    Raises KeyboardInterrupt after Ctrl+C.
    """
    with suppress(asyncio.CancelledError):
        asyncio.run(_serve(served, [*tools(read_only=read_only), *_tools(of_spec)], version))


def _tools(of_spec: Iterable[SpecTool]) -> Iterable[Tool]:
    return (one.tool() for one in of_spec)


async def _serve(served: ServedApplication, found: Iterable[Tool], version: str) -> None:
    task = asyncio.current_task()
    if task is not None and os.name == "posix":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    server = Toolbox(found, served.find_api).server("crudgen", version)
    refuse: asyncio.Future[_Send] = asyncio.get_running_loop().create_future()
    lines: Any = _valid_message_lines(refuse)
    async with stdio_server(lines) as (incoming, outgoing):
        refuse.set_result(outgoing.send)
        try:
            await server.run(incoming, outgoing, server.create_initialization_options())
        finally:
            # Standard output is diverted until here: the end of the application may write to it.
            await served.close()


async def _valid_message_lines(refuse: "asyncio.Future[_Send]") -> AsyncIterator[str]:
    """Yield the lines of standard input that are messages; respond to others with an error."""
    async for line in input_lines():
        error = find_error(line.encode(), _MAX_DEPTH) if line.strip() else None
        if error is None:
            yield line
        else:
            await (await refuse)(SessionMessage(error))
