"""The command `crudgen shell`. Reason to change: its options, or the names in it."""

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crudgen.cli import console, database_options, python_console, source
from crudgen.cli.served_code import ServedCode, project_of

if TYPE_CHECKING:
    from crudgen.data.open_application import OpenApplication
    from crudgen.language.schema import Schema

EXAMPLES = (
    "crudgen shell",
    "crudgen shell -c 'print(session.exec(select(Hero)).first())'",
    "crudgen shell < script.py",
)


def shell(
    entities: source.Entities = source.DEFAULT,
    *,
    command: Annotated[
        str | None, typer.Option("-c", metavar="CODE", help="Run this code, and exit.")
    ] = None,
    database: database_options.Url = None,
    out: Annotated[
        Path, typer.Option("--out", help="Folder of the emitted project, whose code is used.")
    ] = source.DEFAULT_OUT,
) -> None:
    """Open a Python shell with the models and a database session, or run code from a pipe."""
    served = ServedCode(entities, project_of(out, None, spec_only=False))
    tree = served.build()

    from crudgen.data.open_application import opened_application  # noqa: PLC0415 -- lazy

    with (
        database_options.errors_with_url_origin(database),
        opened_application(tree, database) as application,
    ):
        session = application.session
        names = _names_for_code(application, served.schema)
        has_changes = python_console.change_detector(session)
        if command is not None:
            python_console.run_code(command, "<string>", names)
        elif sys.stdin.isatty():
            python_console.interact(_banner(application, served.schema), names, session)
        else:
            python_console.run_code(sys.stdin.read(), "<stdin>", names)
        if has_changes():
            console.say_error("note: changes were not committed: call session.commit()", "yellow")


def _names_for_code(application: "OpenApplication", schema: "Schema") -> dict[str, Any]:
    """Return the names that the code can use."""
    import sqlmodel  # noqa: PLC0415 -- slow to import

    create_app = application.import_module("main").create_app
    found: dict[str, Any] = {
        "__name__": "__main__",
        "app": create_app(application.settings),
        "settings": application.settings,
        "session": application.session,
        **{name: getattr(sqlmodel, name) for name in ("select", "col", "func")},
    }
    for entity in schema.entities:
        module = application.models_module(entity)
        classes = inspect.getmembers(module, inspect.isclass)
        # Link tables are imported from another module of the application.
        package = module.__name__.partition(".")[0]
        found.update(
            (name, one)
            for name, one in classes
            if one.__module__.startswith(f"{package}.") and ".kit." not in one.__module__
        )
    return found


def _banner(application: "OpenApplication", schema: "Schema") -> str:
    url = application.settings.database_url
    secret = getattr(url, "get_secret_value", None)
    where = application.import_module("kit.database.urls").mask_url(
        str(secret() if secret else url)
    )
    models = ", ".join(str(entity.name) for entity in schema.entities)
    return (
        f"Python {sys.version.split()[0]}, database {where}\n"
        f"models: {models}\n"
        "names: session, select, col, func, settings, app"
    )
