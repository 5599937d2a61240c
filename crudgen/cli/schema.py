"""The command `crudgen schema`. Reason to change: its options, and where its output is found."""

import json
import os
from pathlib import Path

import typer

EXAMPLES = ("crudgen schema > crudgen.schema.json",)

SCHEMA_FILE = "crudgen.schema.json"


def schema() -> None:
    """Print the JSON Schema of entity files, for editors."""
    typer.echo(schema_text(), nl=False)


def schema_text() -> str:
    """Return the JSON Schema of entity files, as JSON text."""
    from crudgen.language import editor_schema  # noqa: PLC0415 -- lazy

    return f"{json.dumps(editor_schema(), indent=2)}\n"


def find_schema(entities: Path) -> str | None:
    """Return the path from the folder to the nearest JSON Schema above it in the repository."""
    folders = Path(os.path.normpath(entities.absolute())).parents
    for depth, folder in enumerate(folders, 1):
        if (folder / SCHEMA_FILE).is_file():
            return "../" * depth + SCHEMA_FILE
        if (folder / ".git").exists():
            break
    return None


def is_outdated(file: Path) -> bool:
    """Return whether a file has the JSON Schema of another version of crudgen."""
    try:
        return bool(json.loads(file.read_bytes()) != json.loads(schema_text()))
    except (OSError, ValueError):
        return True
