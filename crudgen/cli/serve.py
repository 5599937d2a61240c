"""The command `crudgen serve`. Reason to change: its options or messages."""

import traceback
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from crudgen import __version__
from crudgen.cli import (
    console,
    database_options,
    first_user,
    plan_output,
    source,
    unrevised_changes,
)
from crudgen.cli.added_admin_page import AddedAdminPage
from crudgen.cli.home import Failure, ServedHome
from crudgen.cli.served_code import ServedCode, project_of
from crudgen.delivery.garbage import paused_collection
from crudgen.errors import (
    CrudgenError,
    NotConnectedError,
    OwnCodeError,
    ServeError,
    TablesError,
)

if TYPE_CHECKING:
    from crudgen.delivery.generation import Generation
    from crudgen.delivery.server import Options, TableFollowing
    from crudgen.evolution.hints import Hints
    from crudgen.evolution.plan import Note, Plan

EXAMPLES = (
    "crudgen serve",
    "crudgen serve --port 9000 --keep debug",
    "crudgen serve --database postgresql://user@host/name --workers 4",
    "crudgen serve --root-path /api",
    "crudgen serve --spec-only",
    "crudgen serve --admin",
)


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
    out: Annotated[
        Path, typer.Option(help="Folder of the emitted project, whose own code is served.")
    ] = source.DEFAULT_OUT,
    admin: Annotated[
        bool,
        typer.Option(
            "--admin", help="Add the admin page; without a login if the spec has no 'auth'."
        ),
    ] = False,
    spec_only: Annotated[
        bool, typer.Option("--spec-only", help="Serve the spec without the project's own code.")
    ] = False,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write the code to a folder, and import it from there.",
            callback=source.check_portable,
        ),
    ] = None,
) -> None:
    """Serve the API, and reload it when the spec or your code changes.

    If 'crudgen emit' wrote a project, your files and edits in it are served too. Tables follow the
    spec if that loses nothing; other changes are shown, and `crudgen apply` makes them. Errors are
    reported; the last valid version is still served.
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

    spec = ServedCode(
        entities,
        project_of(out, keep, spec_only=spec_only),
        AddedAdminPage(host) if admin else None,
    )
    options = server.Options(
        host=host,
        port=port,
        database=database,
        root_path=root_path,
        workers=workers,
        watch=(entities if entities.is_dir() else entities.parent) if reloads else None,
        project=spec.project,
        keep=keep,
    )
    home = ServedHome(spec, out, database)
    reporter = _Reporter(spec, options, home)
    following = (
        _table_following(spec, reporter, changes_tables=follow is not False) if reloads else None
    )
    try:
        server.serve(spec.build, options, reporter, following, home)
    except TablesError as error:
        raise ServeError(f"{error}\n{reporter.commands_text(error)}") from None
    except (NotConnectedError, ServeError) as error:
        raise database_options.with_url_origin(error, database) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None  # Ctrl+C stops the server


def _table_following(
    spec: ServedCode, reporter: "_Reporter", *, changes_tables: bool
) -> "TableFollowing":
    """Return what makes the tables follow the spec."""
    with paused_collection():
        from crudgen.delivery.follow import TableFollower  # noqa: PLC0415 -- lazy
        from crudgen.delivery.server import TableFollowing  # noqa: PLC0415 -- lazy
        from crudgen.delivery.table_watch import TableWatch  # noqa: PLC0415 -- lazy
        from crudgen.evolution.hints import hints  # noqa: PLC0415 -- lazy

    if changes_tables:
        return TableFollowing(
            TableFollower(lambda: hints(spec.schema), reporter), spec.build_keeping_served
        )
    return TableFollowing(TableWatch(), spec.build_keeping_served)


class _Reporter:
    """Prints reports of the server's state."""

    def __init__(self, spec: ServedCode, options: "Options", home: ServedHome) -> None:
        self._spec = spec
        self._home = home
        self._options = options
        self._database = ""
        self._advice = ""
        self._cause = "spec"

    def report_serving(self, url: str, generation: "Generation") -> None:
        self._spec.mark_served()
        self._database = generation.masked_database
        console.say(f"crudgen {__version__}\n", "bold")
        rows = [
            ("api", url),
            ("docs", f"{url}/docs"),
            ("entities", self._spec.entity_names()),
            ("database", self._database),
        ]
        if self._spec.schema.admin:
            rows.insert(2, ("admin", f"{url}/admin/"))
        if self._spec.has_project:
            rows.append(("project", str(self._spec.project)))
        if self._spec.schema.mcp is not None:
            rows.insert(1, ("agents", f"{url}/mcp"))
        if self._options.watch:
            watched = [str(self._options.watch)]
            if self._spec.has_project:
                watched.append(f"{self._spec.project}/app")
            rows.append(("watching", ", ".join(watched)))
        console.print_table(rows)
        if self._spec.schema.auth is None and not is_loopback(url):
            console.say_error(
                "\nThe API has no authentication: anyone who can connect to this address can read,"
                " change and delete all data.",
                "yellow",
            )
        options = self._options
        advice = first_user.advice(
            self._spec.schema, generation.database, self._spec.entities, options.database
        )
        if advice:
            console.say_error(f"\n{advice}", "yellow")
        console.say("\nPress Ctrl+C to stop.")

    def report_reload(self, generation: "Generation") -> None:
        self._spec.mark_served()
        self._home.failure = None
        before, self._database = self._database, generation.masked_database
        database = f", on {self._database}" if self._database != before else ""
        console.say(f"reloaded: {self._spec.entity_names()}{database}", "green")

    def report_recovery(self) -> None:
        self._home.failure = None
        console.say(f"the {self._cause} is valid again and unchanged", "green")

    def report_changes(self, plan: "Plan", found: "Hints") -> None:
        plan_output.show(plan.without_notes(), found.names)
        console.say(f"{source.count(len(plan.steps), 'change')} made in the database", "green")

    def report_warnings(self, notes: "Sequence[Note]", found: "Hints") -> None:
        before, self._advice = self._advice, plan_output.notes_text(notes, found.names)
        if self._advice and self._advice != before:
            console.say_error(self._advice, "yellow")

    def report_wait(self, reason: str) -> None:
        console.say_error(reason, "yellow")

    def report_failure(self, error: Exception) -> None:
        self._cause = "code" if isinstance(error, OwnCodeError) else "spec"
        lines = []
        if isinstance(error, TablesError):
            is_next = error.is_possible or error.by_revisions
            then = "it is served then" if is_next else "then save the spec again"
            lines = [f"{self.commands_text(error)}; {then}"]
            names = ", ".join(sorted(error.files)) or "the last valid spec"
            still = f"still served as before: {names}"
        else:
            still = f"the last valid {self._cause} is still served"
        if not isinstance(error, CrudgenError):
            console.say_error("".join(traceback.format_exception(error)).rstrip("\n"))
        else:
            console.print_error(error)
        for line in lines:
            console.say_error(line)
        console.say_error(still, "yellow")
        self._home.failure = Failure(error, still, lines)

    def commands_text(self, error: TablesError) -> str:
        """Return which commands show and make the changes of tables that do not follow."""
        url = self._options.database
        options = database_options.apply_options(self._spec.entities, url, None, None, None)
        lines = [f"  see the plan with: crudgen plan{options}"]
        if error.by_revisions:
            command = unrevised_changes.revision_command(self._spec.entities)
            lines.append(f'  if no revision has the change, write one: {command} -m "what it does"')
            lines.append(f"  run the revisions with: crudgen apply{options}")
        elif error.is_possible:
            condition = "if nothing was renamed, " if error.may_be_renamed else ""
            lines.append(f"  {condition}make it with: crudgen apply{options}")
        return "\n".join(lines)


def is_loopback(url: str) -> bool:
    """Return whether the host of a URL is a loopback address, such as 127.0.0.1."""
    return ip_address(urlsplit(url).hostname or "").is_loopback
