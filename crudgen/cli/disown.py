"""The command `crudgen disown`. Reason to change: its options or report."""

from pathlib import Path
from typing import Annotated

import typer

from crudgen.cli import console, source

EXAMPLES = (
    "crudgen disown generated/app/heroes/routes.py",
    "crudgen disown app/heroes/routes.py --out api",
)


def disown(
    path: source.Generated,
    out: Annotated[Path, typer.Option(help="Folder with the generated code.")] = source.DEFAULT_OUT,
) -> None:
    """Let 'crudgen emit' write a file again that 'crudgen own' made yours.

    Your edits stay. The next emit merges what has changed since then.
    """
    from crudgen.delivery import disk  # noqa: PLC0415 -- lazy

    file = source.path_in(out, path)
    disk.undo_own(out, file)
    console.say(f"{out / file} is generated again; the next 'crudgen emit' merges your edits")
