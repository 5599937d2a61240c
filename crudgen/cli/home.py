"""The home page of `crudgen serve`. Reason to change: what it says about the tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crudgen.cli import database_options, source, unrevised_changes
from crudgen.cli.served_code import ServedCode
from crudgen.errors import CrudgenError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from crudgen.delivery.generation import Generation
    from crudgen.evolution.plan import Plan
    from crudgen.home import Link, Status

_PAGES = (
    ("docs_url", "Docs", "try the operations"),
    ("redoc_url", "ReDoc", "read about the operations"),
    ("openapi_url", "OpenAPI", "the document for generators"),
)
"""Attributes of an application with the path of a page, its name, and what it is for."""
_ADMIN = "/admin"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last version of a spec or of code is not served."""

    error: Exception
    still: str
    """What is served instead."""
    commands: Sequence[str]
    """Lines with commands that help."""


class ServedHome:
    """Makes the home page of the spec that is served."""

    def __init__(self, spec: ServedCode, out: Path, database: str | None) -> None:
        self._spec = spec
        self._out = out
        self._database = database
        self.failure: Failure | None = None
        """Why the last version is not served; None if it is."""
        self._known: tuple[str, str, Status] | None = None
        """The package and the version of the tables that the last status is about."""

    def page(self, generation: "Generation") -> str:
        """Return the page of the spec that is served, with the state of its tables."""
        from crudgen.home import home_page  # noqa: PLC0415 -- lazy

        status = [*self._failure_status(), self._tables_status(generation)]
        links = list(page_links(generation.application))
        return home_page(self._spec.served_schema, generation.masked_database, links, status)

    def _failure_status(self) -> "Iterator[Status]":
        from crudgen.home import Status  # noqa: PLC0415 -- lazy

        if self.failure is not None:
            error, commands = self.failure.error, self.failure.commands
            text = (
                str(error)
                if isinstance(error, CrudgenError)
                else f"{type(error).__name__}: {error}"
            )
            details = "\n".join([text, *commands, self.failure.still])
            yield Status("The last change is not served.", is_fine=False, details=details)

    def _tables_status(self, generation: "Generation") -> "Status":
        """Return how the tables differ from the spec. It is planned again if they have changed."""
        from crudgen.evolution.connecting import Database  # noqa: PLC0415 -- lazy
        from crudgen.evolution.versions import tables_version  # noqa: PLC0415 -- lazy
        from crudgen.home import Status  # noqa: PLC0415 -- lazy

        try:
            with Database(generation.database).read_only_connection() as connection:
                name, version = generation.package.__name__, tables_version(connection)
                is_known = self._known is not None and self._known[:2] == (name, version)
                # Revisions are recorded, and their files written, without a change of a table.
                if self._known is None or not is_known or self._spec.served_schema.migrations:
                    self._known = (name, version, self._planned_status(generation, connection))
                return self._known[2]
        except CrudgenError as error:
            return Status("The tables cannot be read.", is_fine=False, details=str(error))

    def _planned_status(self, generation: "Generation", connection: "Connection") -> "Status":
        from crudgen.evolution.applying import Target  # noqa: PLC0415 -- lazy
        from crudgen.evolution.hints import hints  # noqa: PLC0415 -- lazy
        from crudgen.home import Status  # noqa: PLC0415 -- lazy

        schema = self._spec.served_schema
        options = database_options.apply_options(
            self._spec.entities, self._database, None, None, None
        )
        plan = Target(generation.metadata, hints(schema)).plan(connection)
        if not plan.is_empty:
            details = f"see the plan with: crudgen plan{options}"
            return Status(_differences(plan), is_fine=False, details=details)
        if schema.migrations and (pending := self._pending_revisions(connection)):
            text = f"The tables are those of the served spec. {source.count(pending, 'revision')}"
            details = f"run or record with: crudgen apply{options}"
            return Status(f"{text} not recorded.", is_fine=False, details=details)
        return Status("The tables are those of the served spec.")

    def _pending_revisions(self, connection: "Connection") -> int:
        """Return the number of revisions of the project that did not run in a database."""
        from crudgen.evolution.revisions import history  # noqa: PLC0415 -- lazy
        from crudgen.evolution.revisions.recorded import recorded_revisions  # noqa: PLC0415 -- lazy

        found = history.read(self._out / unrevised_changes.FOLDER)
        done = found.revisions_until(recorded_revisions(connection)).revisions
        return len(found.revisions) - len(done)


def _differences(plan: "Plan") -> str:
    """Return the number of changes or problems of a plan, as a sentence."""
    if plan.problems:
        number = source.count(len(plan.problems), "problem")
        return f"The tables are not those of the spec, and {number} must be solved first."
    number = source.count(len(plan.steps), "change")
    return f"The tables are not those of the spec: {number} to make."


def page_links(application: object) -> "Iterator[Link]":
    """Yield the pages of an application for people, relative to its root."""
    from crudgen.home import Link  # noqa: PLC0415 -- lazy

    paths = {getattr(route, "path", "") for route in getattr(application, "routes", ())}
    for attribute, text, what in _PAGES:
        path = getattr(application, attribute, None)
        if path in paths:
            yield Link(text, str(path).removeprefix("/"), what)
    if _ADMIN in paths:
        yield Link("Admin", f"{_ADMIN}/".removeprefix("/"), "edit the rows")
