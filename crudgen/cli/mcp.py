"""The command `crudgen mcp`. Reason to change: its options, or the tools about the spec."""

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crudgen import __version__
from crudgen.cli import check, console, database_options, migrating, source
from crudgen.cli.callers import named_caller
from crudgen.cli.served_code import ServedCode, project_of
from crudgen.delivery.garbage import paused_collection
from crudgen.errors import ArgumentError, CrudgenError

if TYPE_CHECKING:
    from crudgen.delivery.generation import Generation
    from crudgen.language import Schema

EXAMPLES = (
    "crudgen mcp",
    "crudgen mcp --read-only",
    "crudgen mcp --write",
    "crudgen mcp --as id=7,roles=editor",
    "CRUDGEN_TOKEN=cg_1_… crudgen mcp --database postgresql://user@host/name",
)

_TOKEN = "CRUDGEN_TOKEN"  # noqa: S105 -- the name of the variable


def mcp(  # noqa: PLR0913 -- each is an option of the command
    entities: source.Entities = source.DEFAULT,
    *,
    read_only: Annotated[
        bool | None,
        typer.Option(
            "--read-only/--write",
            help="Offer only the tools that read rows, or all of them. By default, 'mcp: read_only'"
            " in the spec decides.",
            show_default=False,
        ),
    ] = None,
    caller: Annotated[
        list[str] | None,
        typer.Option("--as", metavar="NAME=VALUE,…", help="The caller, without a token."),
    ] = None,
    database: database_options.Url = None,
    out: Annotated[
        Path, typer.Option(help="Folder of the emitted project, whose own code is used.")
    ] = source.DEFAULT_OUT,
    spec_only: Annotated[
        bool, typer.Option("--spec-only", help="Use the spec without the project's own code.")
    ] = False,
) -> None:
    """Let an agent use the API and the spec, by the Model Context Protocol on stdin and stdout.

    The client of the agent runs this command. The rules of the spec apply: the environment variable
    CRUDGEN_TOKEN is a token or an API key of the caller; without it, the agent is anyone. With
    --as, no token is needed: it names the caller as 'crudgen access explain' does.
    """
    project = project_of(out, None, spec_only=spec_only)
    with paused_collection():
        try:
            from crudgen.delivery import agents  # noqa: PLC0415 -- lazy
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in {"mcp", "mcp_types"}:
                raise
            raise ArgumentError(
                "crudgen mcp needs the package mcp\n  pip install 'crudgen[mcp]'"
            ) from None
        from crudgen.delivery.spec_tools import spec_tools  # noqa: PLC0415 -- lazy

    spec = SpecOfTools(entities, out, database)
    code = ServedCode(entities, project)
    served = agents.ServedApplication(
        code.build,
        database,
        entities if entities.is_dir() else entities.parent,
        project,
        os.environ.get(_TOKEN) or None,
        partial(_find_caller, caller, code) if caller else None,
        partial(_why_not_writable, code) if read_only is None else None,
    )
    if sys.stdin.isatty():
        console.say_error("waiting for the messages of an MCP client; press Ctrl+C to stop")
    agents.serve_tools(
        served,
        spec_tools(spec.check, spec.explain, spec.plan),
        version=__version__,
        read_only=spec.is_read_only() if read_only is None else read_only,
    )


def _is_read_only(schema: "Schema") -> bool:
    from crudgen.language.capabilities import McpUse  # noqa: PLC0415 -- lazy

    return schema.mcp is McpUse.READ_ONLY


def _why_not_writable(code: ServedCode) -> str:
    """Return why tools may not write now: the spec may have changed since they were offered."""
    if not _is_read_only(code.schema):
        return ""
    return (
        "the spec has 'mcp: read_only': only tools that read work; start crudgen mcp with --write"
    )


def _find_caller(texts: list[str], code: ServedCode, generation: "Generation") -> Any:
    """Return the caller that --as names. Raises CrudgenError."""
    from crudgen.delivery.named_callers import caller_of  # noqa: PLC0415 -- lazy
    from crudgen.evolution.connecting import Database  # noqa: PLC0415 -- lazy

    if code.schema.auth is None:
        raise CrudgenError("--as: the spec has no callers: add 'auth' to crudgen.yaml")
    named = named_caller(texts, code.schema)
    return caller_of(named, Database(generation.database), generation.module)


class SpecOfTools:
    """The spec, and the database that should follow it, as tools show them."""

    def __init__(self, entities: Path, out: Path, database: str | None) -> None:
        self._entities, self._out, self._database = entities, out, database

    def is_read_only(self) -> bool:
        """Return whether agents may only read. If the spec is invalid now, each call says so."""
        try:
            return _is_read_only(source.load(self._entities))
        except CrudgenError:
            return False

    def check(self) -> dict[str, Any]:
        """Return whether the spec is valid and the project is up to date, and what is wrong."""
        return check.report(self._entities, None)[0]

    def explain(self, entity: str) -> dict[str, Any]:
        """Return the long form of an entity. Raises SpecError, ArgumentError."""
        from crudgen import language  # noqa: PLC0415 -- lazy

        schema = source.load(self._entities)
        for one in schema.entities:
            if entity.lower() in {str(one.name).lower(), str(one.plural)}:
                return {"file": one.file, "yaml": language.explain(one, schema.names)}
        names = ", ".join(str(one.name) for one in schema.entities)
        raise ArgumentError(f"no entity is called {entity[:100]!r}; the entities are: {names}")

    def plan(self) -> dict[str, Any]:
        """Return what has to change in the database. Raises CrudgenError."""
        if migrating.has_revisions(self._entities, self._out):
            with migrating.opened_migration_state(
                self._entities, self._out, self._database, _ignore
            ) as state:
                found: dict[str, Any] = json.loads(migrating.as_json(state))
                return found
        with database_options.opened_target(self._entities, self._database) as change:
            migrating.check_revision_files(change, self._out, _ignore)
            text = database_options.as_json(change.plan(_ignore), change.database.where)
            report: dict[str, Any] = json.loads(text)
            return report


def _ignore(_text: str) -> None:
    """Ignore what a command waits for: an agent waits for the result."""
