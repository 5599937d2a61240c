"""`crudgen serve`: run the API, and follow the changes of the spec."""

import traceback
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from crudgen import __version__
from crudgen.cli import console, source
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


_SHOWN = 10


def serve(  # noqa: PLR0913 -- each is an option of the command
    entities: source.Entities = source.DEFAULT,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Database; replaces DATABASE_URL and the spec's own."),
    ] = None,
    root_path: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Path below which a proxy serves it, such as /api."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 1,
    reload: Annotated[
        bool | None,
        typer.Option("--reload/--no-reload", help="Follow changes; off with several workers."),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write the code there and run it from there.",
            callback=source.portable,
        ),
    ] = None,
) -> None:
    """Serve the API, and follow the changes of the spec.

    A spec that is broken while you edit it is reported, and the last good one goes on.
    """
    if workers > 1 and reload:
        raise typer.BadParameter("--reload follows changes in one process: leave --workers out")
    follow = workers == 1 if reload is None else reload
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
        raise typer.Exit(0) from None  # Ctrl+C is how a server ends


class _Spec:
    """Builds the code, and remembers what it was built from."""

    def __init__(self, entities: Path) -> None:
        self._entities = entities
        self._schema: Schema | None = None

    def build(self) -> "SourceTree":
        self._schema, tree = source.render(self._entities, to_serve=True)
        return tree

    def names(self) -> str:
        entities = self._schema.entities if self._schema else ()
        shown = [f"{entity.name} {entity.path}" for entity in entities[:_SHOWN]]
        if len(entities) > _SHOWN:
            shown.append(f"… and {len(entities) - _SHOWN} more")
        return ", ".join(shown)


class _Reporter:
    """Tells the user what the server does."""

    def __init__(self, spec: _Spec, watch: Path | None) -> None:
        self._spec = spec
        self._watch = watch
        self._database = ""

    def serving(self, url: str, generation: "Generation") -> None:
        self._database = generation.shown_database
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
            console.tell(
                "\nThere is no authentication yet: whoever reaches this address can read, change"
                " and delete everything.",
                "yellow",
            )
        console.say("\nCtrl+C ends it.")

    def reloaded(self, generation: "Generation") -> None:
        before, self._database = self._database, generation.shown_database
        other = f", on {self._database}" if self._database != before else ""
        console.say(f"reloaded: {self._spec.names()}{other}", "green")

    def settled(self) -> None:
        console.say("the spec is good again, and nothing has changed", "green")

    def failed(self, error: Exception) -> None:
        if isinstance(error, CrudgenError):
            console.error(error)
        else:
            console.tell("".join(traceback.format_exception(error)).rstrip("\n"))
        console.tell("the last good spec is still being served", "yellow")


def is_loopback(url: str) -> bool:
    """Tell whether only this machine reaches an address."""
    return ip_address(urlsplit(url).hostname or "").is_loopback
