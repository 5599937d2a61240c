"""The command line, with one module per command. Reason to change: another command.

Only this package prints, exits or reads arguments. Slow imports are inside the commands, so that
`crudgen --help` is fast.
"""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from crudgen import __version__
from crudgen.cli import (
    access,
    apply,
    check,
    console,
    diagram,
    disown,
    dump,
    emit,
    events,
    explain,
    fake,
    hook,
    init,
    key,
    load,
    mcp,
    new,
    own,
    plan,
    revision,
    schema,
    seed,
    serve,
    shell,
    user,
)
from crudgen.errors import CrudgenError


class _Commands(TyperGroup):
    """The commands. Exceptions become messages and exit codes; only bugs print a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command. Exit with 1 or 2 after a CrudgenError, and 130 after Ctrl+C."""
        try:
            return super().invoke(ctx)
        except CrudgenError as error:
            console.print_error(error)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(130) from error


app = typer.Typer(
    cls=_Commands,
    name="crudgen",
    help="Turn YAML entities into a FastAPI + SQLModel API, served or emitted as code.",
    epilog="To start, run: crudgen init, then crudgen serve",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(is_set: bool) -> None:
    if is_set:
        console.say(f"crudgen {__version__}")
        raise typer.Exit


@app.callback()
def _root_options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    del version


_MODULES = (
    serve,
    plan,
    apply,
    revision,
    seed,
    fake,
    shell,
    dump,
    load,
    emit,
    check,
    hook,
    own,
    disown,
    init,
    new,
    explain,
    diagram,
    access,
    schema,
    mcp,
)

for _module in _MODULES:
    _name = _module.__name__.rpartition(".")[2]
    # The control character makes typer keep the line breaks.
    _examples = "\n".join(["\b", "Examples:", *(f"  {line}" for line in _module.EXAMPLES)])
    app.command(_name, epilog=_examples)(getattr(_module, _name))

for _name, _group, _commands in (
    ("user", user, user.user),
    ("key", key, key.key),
    ("events", events, events.events),
):
    _examples = "\n".join(["\b", "Examples:", *(f"  {line}" for line in _group.EXAMPLES)])
    app.add_typer(_commands, name=_name, epilog=_examples)


def main() -> None:
    """Run the command line, and exit."""
    for stream in (sys.stdout, sys.stderr):
        # A spec may contain characters that the encoding of the terminal does not have.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    app()
