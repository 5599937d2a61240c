"""The command line: the only place that prints, exits or reads arguments. One module per command.

No command imports FastAPI, SQLAlchemy, Jinja or pydantic before it needs them: `crudgen --help`
answers at once.
"""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from crudgen import __version__
from crudgen.cli import check, console, emit, explain, init, new, schema, serve
from crudgen.errors import CrudgenError


class _Commands(TyperGroup):
    """Turns what a user can cause into a message and an exit code; only a bug is a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command. Exits with 1 for an error of crudgen's, 130 after Ctrl+C."""
        try:
            return super().invoke(ctx)
        except CrudgenError as error:
            console.error(error)
            raise typer.Exit(1) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(130) from error


app = typer.Typer(
    cls=_Commands,
    name="crudgen",
    help="One YAML file per entity: a served FastAPI + SQLModel API, and the same code on disk.",
    epilog="Start with: crudgen init, then crudgen serve",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        console.say(f"crudgen {__version__}")
        raise typer.Exit


@app.callback()
def _crudgen(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version


for _module in (serve, emit, check, init, new, explain, schema):
    _name = _module.__name__.rpartition(".")[2]
    # The control character tells typer to leave the lines as they are.
    _examples = "\n".join(["\b", "Examples:", *(f"  {line}" for line in _module.EXAMPLES)])
    app.command(_name, epilog=_examples)(getattr(_module, _name))


def main() -> None:
    """Run the command that the arguments name, and exit."""
    for stream in (sys.stdout, sys.stderr):
        # A spec may hold letters that the terminal's encoding lacks.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    app()
