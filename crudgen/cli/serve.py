"""The command `crudgen serve`. Reason to change: its options or messages."""

import traceback
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from crudgen import __version__
from crudgen.cli import console, source
from crudgen.delivery.garbage import paused_collection
from crudgen.errors import CrudgenError

if TYPE_CHECKING:
    from crudgen.codegen.tree import SourceTree
    from crudgen.delivery.generation import Generation
    from crudgen.language.schema import Schema

EXAMPLES = (
    "crudgen serve",
    "crudgen serve --port 9000 --keep debug",
    "crudgen serve --database postgresql://user@host/name --workers 4",
    "crudgen serve --root-path /api",
)


_MAX_NAMES = 10


def serve(  # noqa: PLR0913 -- each is an option of the command
    entities: source.Entities = source.DEFAULT,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for any free port.")] = 8000,
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Database URL; overrides DATABASE_URL and the spec."),
    ] = None,
    root_path: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Path prefix of the API behind a proxy, such as /api."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 1,
    reload: Annotated[
        bool | None,
        typer.Option("--reload/--no-reload", help="Reload on changes; off with several workers."),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write the code to a folder, and import it from there.",
            callback=source.check_portable,
        ),
    ] = None,
) -> None:
    """Serve the API, and reload it when the spec changes.

    Errors in a changed spec are reported; the last valid spec is still served.
    """
    if workers > 1 and reload:
        raise typer.BadParameter("--reload requires one process: remove --workers")
    follow = workers == 1 if reload is None else reload
    with paused_collection():
        from crudgen.delivery import server  # noqa: PLC0415 -- lazy

    spec = _Spec(entities)
    options = server.Options(
        host=host,
        port=port,
        database=database,
        root_path=root_path,
        workers=workers,
        watch=(entities if entities.is_dir() else entities.parent) if follow else None,
        keep=keep,
    )
    try:
        server.serve(spec.build, options, _Reporter(spec, options.watch))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None  # Ctrl+C stops the server


class _Spec:
    """Generates the code of a spec, and keeps the schema for messages."""

    def __init__(self, entities: Path) -> None:
        self._entities = entities
        self._schema: Schema | None = None

    def build(self) -> "SourceTree":
        self._schema, tree = source.render(self._entities, to_serve=True)
        return tree

    def names(self) -> str:
        entities = self._schema.entities if self._schema else ()
        names = [f"{entity.name} {entity.path}" for entity in entities[:_MAX_NAMES]]
        if len(entities) > _MAX_NAMES:
            names.append(f"… and {len(entities) - _MAX_NAMES} more")
        return ", ".join(names)


class _Reporter:
    """Prints reports of the server's state."""

    def __init__(self, spec: _Spec, watch: Path | None) -> None:
        self._spec = spec
        self._watch = watch
        self._database = ""

    def serving(self, url: str, generation: "Generation") -> None:
        self._database = generation.masked_database
        console.say(f"crudgen {__version__}\n", "bold")
        rows = [
            ("api", url),
            ("docs", f"{url}/docs"),
            ("entities", self._spec.names()),
            ("database", self._database),
        ]
        if self._watch:
            rows.append(("watching", str(self._watch)))
        console.table(rows)
        if not is_loopback(url):
            console.say_error(
                "\nThe API has no authentication: anyone who can connect to this address can read,"
                " change and delete all data.",
                "yellow",
            )
        console.say("\nPress Ctrl+C to stop.")

    def reloaded(self, generation: "Generation") -> None:
        before, self._database = self._database, generation.masked_database
        database = f", on {self._database}" if self._database != before else ""
        console.say(f"reloaded: {self._spec.names()}{database}", "green")

    def recovered(self) -> None:
        console.say("the spec is valid again and unchanged", "green")

    def failed(self, error: Exception) -> None:
        if isinstance(error, CrudgenError):
            console.error(error)
        else:
            console.say_error("".join(traceback.format_exception(error)).rstrip("\n"))
        console.say_error("the last valid spec is still served", "yellow")


def is_loopback(url: str) -> bool:
    """Return whether the host of a URL is a loopback address, such as 127.0.0.1."""
    return ip_address(urlsplit(url).hostname or "").is_loopback
