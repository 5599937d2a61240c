"""The command `crudgen serve`. Reason to change: its options or messages."""

import re
import traceback
from collections.abc import Collection, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from crudgen import __version__
from crudgen.cli import changing, console, planned, revising, source
from crudgen.delivery.garbage import paused_collection
from crudgen.errors import CrudgenError, NotConnectedError, ServeError, TablesError

if TYPE_CHECKING:
    from crudgen.codegen.tree import SourceTree
    from crudgen.delivery.generation import Generation
    from crudgen.delivery.server import Following, Options
    from crudgen.evolution.hints import Hints
    from crudgen.evolution.plan import Note, Plan
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
    follow: Annotated[
        bool | None,
        typer.Option(
            "--follow/--no-follow",
            help="Change the tables with the spec, if no row is in the way; off with --no-reload.",
        ),
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

    Tables follow the spec if that loses nothing; other changes are shown, and `crudgen apply` makes
    them. Errors in a changed spec are reported; the last valid spec is still served.
    """
    if workers > 1 and reload:
        raise typer.BadParameter("--reload requires one process: remove --workers")
    if workers > 1 and follow:
        raise typer.BadParameter("--follow requires one process: remove --workers")
    reloads = workers == 1 if reload is None else reload
    if follow and not reloads:
        raise typer.BadParameter("--follow requires --reload: remove --no-reload")
    with paused_collection():
        from crudgen.delivery import server  # noqa: PLC0415 -- lazy

    spec = _Spec(entities)
    options = server.Options(
        host=host,
        port=port,
        database=database,
        root_path=root_path,
        workers=workers,
        watch=(entities if entities.is_dir() else entities.parent) if reloads else None,
        keep=keep,
    )
    reporter = _Reporter(spec, options)
    following = _following(spec, reporter, changes_tables=follow is not False) if reloads else None
    try:
        server.serve(spec.build, options, reporter, following)
    except TablesError as error:
        raise ServeError(f"{error}\n{reporter.commands(error)}") from None
    except (NotConnectedError, ServeError) as error:
        if re.match(r"database(: | \S+: )", str(error)):
            raise changing.with_origin(error, database) from None
        raise
    except KeyboardInterrupt:
        raise typer.Exit(0) from None  # Ctrl+C stops the server


def _following(spec: "_Spec", reporter: "_Reporter", *, changes_tables: bool) -> "Following":
    """Return how the tables and the spec stay together."""
    with paused_collection():
        from crudgen.delivery.follow import Follower  # noqa: PLC0415 -- lazy
        from crudgen.delivery.server import Following  # noqa: PLC0415 -- lazy
        from crudgen.delivery.table_watch import TableWatch  # noqa: PLC0415 -- lazy
        from crudgen.evolution.hints import hints  # noqa: PLC0415 -- lazy

    if changes_tables:
        return Following(Follower(lambda: hints(spec.schema), reporter), spec.build_without)
    return Following(TableWatch(), spec.build_without)


class _Spec:
    """Generates the code of a spec, and keeps what was generated last."""

    def __init__(self, entities: Path) -> None:
        self.entities = entities
        self._schema: Schema | None = None
        self._texts: Mapping[str, bytes | str] = {}
        self._served: Mapping[str, bytes | str] = {}
        """The texts of the entities that are served, by file."""

    @property
    def schema(self) -> "Schema":
        """The schema of the code that was generated last."""
        if self._schema is None:
            raise RuntimeError("no code was generated yet")
        return self._schema

    def build(self) -> "SourceTree":
        """Generate the code of the spec. Raises SpecError."""
        return self._build({})

    def build_without(self, files: Collection[str]) -> "SourceTree":
        """Generate the code of the spec with these files as they are served. Raises CrudgenError.

        The other files may not fit them.
        """
        if not self._served.keys() >= {*files}:
            raise ServeError("an entity is not served yet")
        return self._build({file: self._served[file] for file in files})

    def _build(self, unsaved: Mapping[str, bytes | str]) -> "SourceTree":
        sources = source.read(self.entities, unsaved)
        self._schema, tree = source.render_to_serve(sources)
        self._texts = sources.entities
        return tree

    def serve(self) -> None:
        """Keep the texts of the code that was generated last, which is served now."""
        self._served = self._texts

    def names(self) -> str:
        entities = self.schema.entities
        names = [f"{entity.name} {entity.path}" for entity in entities[:_MAX_NAMES]]
        if len(entities) > _MAX_NAMES:
            names.append(f"… and {len(entities) - _MAX_NAMES} more")
        return ", ".join(names)


class _Reporter:
    """Prints reports of the server's state."""

    def __init__(self, spec: _Spec, options: "Options") -> None:
        self._spec = spec
        self._options = options
        self._database = ""
        self._advice = ""

    def serving(self, url: str, generation: "Generation") -> None:
        self._spec.serve()
        self._database = generation.masked_database
        console.say(f"crudgen {__version__}\n", "bold")
        rows = [
            ("api", url),
            ("docs", f"{url}/docs"),
            ("entities", self._spec.names()),
            ("database", self._database),
        ]
        if self._options.watch:
            rows.append(("watching", str(self._options.watch)))
        console.table(rows)
        if self._spec.schema.auth is None and not is_loopback(url):
            console.say_error(
                "\nThe API has no authentication: anyone who can connect to this address can read,"
                " change and delete all data.",
                "yellow",
            )
        console.say("\nPress Ctrl+C to stop.")

    def reloaded(self, generation: "Generation") -> None:
        self._spec.serve()
        before, self._database = self._database, generation.masked_database
        database = f", on {self._database}" if self._database != before else ""
        console.say(f"reloaded: {self._spec.names()}{database}", "green")

    def recovered(self) -> None:
        console.say("the spec is valid again and unchanged", "green")

    def followed(self, plan: "Plan", found: "Hints") -> None:
        planned.show(plan.without_notes(), found.names)
        console.say(f"{source.count(len(plan.steps), 'change')} made in the database", "green")

    def advised(self, notes: "Sequence[Note]", found: "Hints") -> None:
        before, self._advice = self._advice, planned.advise(notes, found.names)
        if self._advice and self._advice != before:
            console.say_error(self._advice, "yellow")

    def waiting(self, reason: str) -> None:
        console.say_error(reason, "yellow")

    def failed(self, error: Exception) -> None:
        if not isinstance(error, CrudgenError):
            console.say_error("".join(traceback.format_exception(error)).rstrip("\n"))
        else:
            console.error(error)
        if isinstance(error, TablesError):
            is_next = error.is_possible or error.by_revisions
            then = "it is served then" if is_next else "then save the spec again"
            console.say_error(f"{self.commands(error)}; {then}")
            names = ", ".join(sorted(error.files)) or "the last valid spec"
            console.say_error(f"still served as before: {names}", "yellow")
        else:
            console.say_error("the last valid spec is still served", "yellow")

    def commands(self, error: TablesError) -> str:
        """Return which commands show and make the changes of tables that do not follow."""
        url = self._options.database
        options = changing.options(self._spec.entities, url, None, None, None)
        lines = [f"  see the plan with: crudgen plan{options}"]
        if error.by_revisions:
            command = revising.command(self._spec.entities)
            lines.append(f'  if no revision has the change, write one: {command} -m "what it does"')
            lines.append(f"  run the revisions with: crudgen apply{options}")
        elif error.is_possible:
            condition = "if nothing was renamed, " if error.may_be_renamed else ""
            lines.append(f"  {condition}make it with: crudgen apply{options}")
        return "\n".join(lines)


def is_loopback(url: str) -> bool:
    """Return whether the host of a URL is a loopback address, such as 127.0.0.1."""
    return ip_address(urlsplit(url).hostname or "").is_loopback
