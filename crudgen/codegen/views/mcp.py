"""View of the tools for agents. Reason to change: how an application offers them."""

from collections.abc import Iterator

from crudgen.codegen.code import Code, raw
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call, keyword
from crudgen.language.capabilities import McpUse
from crudgen.language.schema import Schema


def mcp_router(schema: Schema, imports: Imports) -> Iterator[Bracket]:
    """Yield `McpRouter(read_only=True, caller=PermittedCaller(Caller))`, if agents get tools."""
    if schema.mcp is None:
        return
    arguments: list[Bracket | Code] = []
    if schema.mcp is McpUse.READ_ONLY:
        arguments.append(keyword("read_only", raw("True")))
    if schema.auth is not None:
        caller = imports.name(".caller", "Caller")
        arguments.append(
            keyword("caller", call(imports.name(".kit.access.may", "PermittedCaller"), [caller]))
        )
    yield call(imports.name(".kit.mcp", "McpRouter"), arguments)
