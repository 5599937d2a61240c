"""The six tools: they work with the rows of every entity."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import mcp_types as types
from starlette.types import Receive, Scope, Send

from . import arguments as of
from .calling import ApiRequest, ApiResponse, Origin, call
from .catalogue import Catalogue
from .describing import describe_api, describe_entity
from .requests import (
    action_request,
    create_request,
    delete_request,
    find,
    read_request,
    update_request,
)
from .results import read_result, success, write_result


class Api(Protocol):
    """The application that tools work with."""

    @property
    def title(self) -> str:
        """The name of the API."""
        ...

    @property
    def collections(self) -> Mapping[str, str]:
        """The paths of the collections, by name."""
        ...

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request."""


@dataclass(frozen=True)
class Call:
    """A call of a tool: the application, what is known of it, and who calls."""

    api: Api
    catalogue: Catalogue
    origin: Origin

    async def send(self, request: ApiRequest) -> ApiResponse:
        """Return the response of the API to a request, with the credentials of the caller."""
        return await call(self.api, request, self.origin)


_NOISE = {"title", "default", "maxLength", "minLength", "maxItems"}
"""Keywords of JSON Schema that the schemas of arguments do not have."""
Run = Callable[[Any, Any], Awaitable[types.CallToolResult]]
"""Runs a tool, with a Call if it needs the application, and its arguments."""


@dataclass(frozen=True)
class Tool:
    """A tool: its name, description and arguments, and the function that runs it."""

    name: str
    doc: str
    arguments: type[of.Arguments]
    run: Run
    reads: bool = False
    destroys: bool = False
    needs_api: bool = True
    """Whether a call needs the application."""

    def described(self) -> types.Tool:
        """Return the tool as a client gets it."""
        hints = types.ToolAnnotations(
            read_only_hint=self.reads,
            destructive_hint=None if self.reads else self.destroys,
            open_world_hint=False,
        )
        schema = _compact_schema(self.arguments.model_json_schema())
        del schema["description"]  # the description of the tool says more
        return types.Tool(
            name=self.name, description=self.doc, input_schema=schema, annotations=hints
        )


def tools(*, read_only: bool) -> Iterator[Tool]:
    """Yield the tools of an API, or only those that read."""
    yield from (tool for tool in _TOOLS if tool.reads or not read_only)


async def _describe(one: Call, arguments: of.Describe) -> types.CallToolResult:
    if arguments.entity is None:
        return success(describe_api(one.api.title, one.catalogue), limit=None)
    found = find(arguments.entity, one.catalogue)
    return success(describe_entity(found, one.catalogue), limit=None)


async def _read(one: Call, arguments: of.ReadRows) -> types.CallToolResult:
    return read_result(await one.send(read_request(arguments, one.catalogue)))


async def _create(one: Call, arguments: of.CreateRow) -> types.CallToolResult:
    done = "created" if arguments.target is None else "linked"
    return write_result(await one.send(create_request(arguments, one.catalogue)), done)


async def _update(one: Call, arguments: of.UpdateRow) -> types.CallToolResult:
    return write_result(await one.send(update_request(arguments, one.catalogue)), "updated")


async def _delete(one: Call, arguments: of.DeleteRow) -> types.CallToolResult:
    done = "deleted" if arguments.target is None else "unlinked"
    return write_result(await one.send(delete_request(arguments, one.catalogue)), done)


async def _run_action(one: Call, arguments: of.RunAction) -> types.CallToolResult:
    response = await one.send(action_request(arguments, one.catalogue))
    return write_result(response, f"ran {arguments.action}")


_TOOLS = (
    Tool(
        "describe",
        "List the entities of the API; or describe one: properties, filters, relations, actions.",
        of.Describe,
        _describe,
        reads=True,
    ),
    Tool(
        "read_rows",
        "List rows, with filters, sort and pages; or read one row by key, with its etag.",
        of.ReadRows,
        _read,
        reads=True,
    ),
    Tool("create_row", "Create a row, or link two rows.", of.CreateRow, _create),
    Tool(
        "update_row",
        "Change the given properties of a row, if it still has the etag.",
        of.UpdateRow,
        _update,
        destroys=True,
    ),
    Tool("delete_row", "Delete a row, or unlink two rows.", of.DeleteRow, _delete, destroys=True),
    Tool("run_action", "Run an action of a row.", of.RunAction, _run_action, destroys=True),
)


def _compact_schema(schema: Any) -> Any:
    """Return a JSON Schema without what an agent does not need: titles, lengths, and null.

    A call that passes null for an optional argument is accepted nevertheless.
    """
    if isinstance(schema, list):
        return [*map(_compact_schema, schema)]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in _NOISE}
    for key, value in kept.items():
        if key == "properties":
            kept[key] = {name: _compact_schema(one) for name, one in value.items()}
        elif key != "additionalProperties":
            kept[key] = _compact_schema(value)
    if kept.get("additionalProperties") is True:
        del kept["additionalProperties"]
    kinds = [one for one in kept.pop("anyOf", ()) if one != {"type": "null"}]
    if len(kinds) == 1:
        return {**kinds[0], **kept}
    return {"type": [one["type"] for one in kinds], **kept} if kinds else kept
