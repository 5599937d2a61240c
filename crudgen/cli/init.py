"""The command `crudgen init`. Reason to change: the files of a new project."""

from pathlib import Path
from typing import Annotated

import typer

from crudgen.cli import console, source
from crudgen.cli.schema import SCHEMA_FILE, schema_text
from crudgen.errors import OutputError

EXAMPLES = (
    "crudgen init",
    "crudgen init heroes",
    "crudgen init shop --auth",
)


_HERO = f"""\
# yaml-language-server: $schema=../{SCHEMA_FILE}
name: Hero
doc: Somebody who saves people.
fields:
  name: str index
  age: int? index
  secret_name: str write_only
"""

_ACCESS = """\
  owner_id: int = me read_only index
access:
  owner: owner_id
  read: anyone
  create: user
  update: [owner, editor]
  delete: [owner, editor]
"""

_APP = f"""\
# yaml-language-server: $schema={SCHEMA_FILE}#/$defs/AppSpec
auth:
  users: true
  roles: [editor]
"""

_IGNORED = """\
__pycache__/
.venv/
.env
*.db
*.db-shm
*.db-wal
*.db.before-*
.crudgen-staging/
"""


def init(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder of the project.", metavar="DIR", callback=source.check_portable
        ),
    ] = Path(),
    *,
    auth: Annotated[
        bool, typer.Option("--auth", help="With users who log in, and rules for them.")
    ] = False,
) -> None:
    """Create a project with an example entity.

    Writes entities/hero.yaml, the JSON Schema for editors and .gitignore, and crudgen.yaml with
    --auth. Existing files are kept.
    """
    files = {
        **({"crudgen.yaml": _APP} if auth else {}),
        f"{source.DEFAULT}/hero.yaml": _HERO + (_ACCESS if auth else ""),
        SCHEMA_FILE: schema_text(),
        ".gitignore": _IGNORED,
    }
    for path, text in files.items():
        written = write_if_missing(folder / path, text)
        console.say(f"  {'created' if written else 'kept   '}  {folder / path}")
    console.say("\nNext steps:\n")
    if folder != Path():
        console.say(f"  cd {folder}")
    if auth:
        console.say("  crudgen user add ann --role editor")
    console.say("  crudgen serve        run the API and its docs, and reload on changes")
    console.say("  crudgen new Team 'name:str(1..80) unique'")
    console.say("  crudgen seed         store rows that you write to seeds/*.yaml")
    console.say("  crudgen emit         write the code to a folder")


def write_if_missing(file: Path, text: str) -> bool:
    """Write a file. Return False if it exists already. Raises OutputError if that fails."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        if file.exists() or file.is_symlink():
            return False
        raise OutputError(f"{file.parent} is not a folder\n  move or remove it") from None
    except OSError as error:
        raise OutputError(f"{error.filename or file}: {error.strerror}") from error
    return True
