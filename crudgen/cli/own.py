"""The command `crudgen own`. Reason to change: its options or report."""

from pathlib import Path
from typing import Annotated

import typer

from crudgen.cli import console, source

EXAMPLES = (
    "crudgen own generated/app/heroes/routes.py",
    "crudgen own app/heroes/routes.py --out api",
)


def own(
    path: source.Generated,
    out: Annotated[Path, typer.Option(help="Folder with the generated code.")] = source.DEFAULT_OUT,
) -> None:
    """Make a generated file yours: 'crudgen emit' does not write it any more.

    When another content would be generated, emit says so. 'crudgen disown' is the way back.
    """
    from crudgen.delivery import disk  # noqa: PLC0415 -- lazy

    file = source.path_in(out, path)
    is_new = disk.own(out, file)
    console.say(f"{out / file} is {'yours now' if is_new else 'already yours'}")
