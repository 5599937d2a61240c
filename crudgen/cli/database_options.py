"""The options of commands about a database. Reason to change: an option of several of them."""

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from crudgen.cli import source
from crudgen.delivery.garbage import paused_collection
from crudgen.errors import CrudgenError, DatabaseError, NotConnectedError

if TYPE_CHECKING:
    from crudgen.codegen.tree import SourceTree
    from crudgen.evolution.applying import Target
    from crudgen.evolution.connecting import Database
    from crudgen.evolution.plan import Plan
    from crudgen.language.schema import Schema

Url: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--database", metavar="URL", help="Database URL; overrides DATABASE_URL and the spec."
    ),
]
Fills: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--fill", metavar="FIELD=VALUE", help="Value for existing rows, such as hero.level=1."
    ),
]
Drops: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--drop",
        metavar="NAME",
        help="Column or table to drop, such as hero.code.",
    ),
]
Integers: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--integers",
        metavar="FIELD",
        help="The BIGINT values of this new decimal are integers (SQLite).",
    ),
]
Out: TypeAlias = Annotated[
    Path, typer.Option("--out", help="Folder with the generated code, and its revisions.")
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print a JSON object, for programs.")
]


_SETTING = re.compile(r"^\s*(export\s+)?DATABASE_URL\b", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Change:
    """A database, and the tables that it should have."""

    database: "Database"
    target: "Target"
    url: str
    """The URL of the database, with its password."""
    has_migrations: bool
    """Whether the spec has `migrations: true`."""
    import_module: Callable[[str], Any]
    """Imports a module of the application, such as `heroes.models`."""

    def plan(self, waiting: Callable[[str], None]) -> "Plan":
        """Return the plan; nothing is changed. `waiting` reports locks. Raises DatabaseError."""
        from crudgen.evolution.blockers import read_only_connection  # noqa: PLC0415 -- lazy

        with read_only_connection(self.database, waiting) as connection:
            return self.target.plan(connection)


@contextmanager
def opened_target(
    entities: Path,
    url: str | None,
    fills: Sequence[str] | None = None,
    drops: Sequence[str] | None = None,
    integers: Sequence[str] | None = None,
) -> Iterator[Change]:
    """Yield the database of a spec, and the tables that it should have. Raises CrudgenError."""
    rendered = source.render_to_serve(source.read(entities))
    with opened_target_of(rendered, url, fills, drops, integers) as found:
        yield found


@contextmanager
def opened_target_of(
    rendered: "tuple[Schema, SourceTree]",
    url: str | None,
    fills: Sequence[str] | None = None,
    drops: Sequence[str] | None = None,
    integers: Sequence[str] | None = None,
) -> Iterator[Change]:
    """As `opened_target`, for a schema and its source tree."""
    schema, tree = rendered
    with paused_collection():
        from crudgen.delivery.models import imported_models  # noqa: PLC0415 -- lazy
        from crudgen.evolution.applying import Target  # noqa: PLC0415 -- lazy
        from crudgen.evolution.choices import read_choices  # noqa: PLC0415 -- lazy
        from crudgen.evolution.connecting import Database  # noqa: PLC0415 -- lazy
        from crudgen.evolution.hints import hints  # noqa: PLC0415 -- lazy

    found = hints(schema)
    choices = read_choices(schema, found, fills or (), drops or (), integers or ())
    with imported_models(tree, url) as models, errors_with_url_origin(url):
        target = Target(models.metadata, found, choices)
        database = Database(models.database)
        yield Change(database, target, models.database, schema.migrations, models.import_module)


@contextmanager
def errors_with_url_origin(url: str | None) -> Iterator[None]:
    """Say in errors of a connection where the URL of the database is from; `url` is the option."""
    try:
        yield
    except NotConnectedError as error:
        raise with_url_origin(error, url) from None


def with_url_origin(error: CrudgenError, url: str | None) -> CrudgenError:
    """Return an error that says where the URL of the database is from; `url` is the option.

    An error that is not about the database, such as that of another setting, is returned unchanged.
    """
    if not error.is_about_database:
        return error
    return DatabaseError(f"{error}\n  the URL is from {_url_origin(url)}")


def _url_origin(url: str | None) -> str:
    if url is not None:
        return "--database"
    if any(name.upper() == "DATABASE_URL" for name in os.environ):
        return "the environment variable DATABASE_URL"
    file = Path(".env")
    if file.is_file() and _SETTING.search(file.read_text("utf-8", errors="replace")):
        return "DATABASE_URL in .env"
    return "the spec: `database` in crudgen.yaml, or its default"


def refuse_revision_options(
    fills: Sequence[str] | None, drops: Sequence[str] | None, integers: Sequence[str] | None
) -> None:
    """Raise BadParameter for options that, with revisions, only `crudgen revision` takes."""
    for option, values in (("--fill", fills), ("--drop", drops), ("--integers", integers)):
        if values:
            raise typer.BadParameter(
                "revisions change this database: give the option to crudgen revision",
                param_hint=option,
            )


def apply_options(
    entities: Path,
    url: str | None,
    fills: Sequence[str] | None,
    drops: Sequence[str] | None,
    integers: Sequence[str] | None,
) -> str:
    """Return the options of `apply` for a plan that was made with these, without the password."""
    from crudgen.evolution.connecting import without_password  # noqa: PLC0415 -- lazy

    words = [] if entities == source.DEFAULT else [str(entities)]
    given = {"--fill": fills, "--drop": drops, "--integers": integers}
    given["--database"] = [without_password(url)] if url else None
    words += [
        part for option, values in given.items() for one in values or () for part in (option, one)
    ]
    return "".join(f" {shlex.quote(word)}" for word in words)


def as_json(plan: "Plan", where: str, **more: object) -> str:
    """Return a plan as a JSON object."""
    report = {"database": where, **more, **plan.as_json()}
    return json.dumps(report, indent=2, default=str, ensure_ascii=False)
