"""The command `crudgen schema`. Reason to change: its options, and where its output is found."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crudgen.cli import source
from crudgen.errors import ArgumentError

if TYPE_CHECKING:
    from crudgen.language.schema import Schema

EXAMPLES = (
    "crudgen schema > crudgen.schema.json",
    "crudgen schema --seeds > seeds.schema.json",
)

SCHEMA_FILE = "crudgen.schema.json"
SEEDS_SCHEMA_FILE = "seeds.schema.json"


def schema(
    *,
    seeds: Annotated[
        bool, typer.Option("--seeds", help="That of seeds/*.yaml, with the fields of the spec.")
    ] = False,
    entities: Annotated[
        Path | None,
        typer.Option(
            help="Folder with one YAML file per entity, for --seeds.", show_default="entities"
        ),
    ] = None,
) -> None:
    """Print the JSON Schema of entity files, or of seeds, for editors."""
    if entities is not None and not seeds:
        raise ArgumentError("--entities requires --seeds: the other schema is that of every spec")
    if seeds:
        typer.echo(seeds_schema_text(source.load(entities or source.DEFAULT)), nl=False)
    else:
        typer.echo(schema_text(), nl=False)


def schema_text() -> str:
    """Return the JSON Schema of entity files, as JSON text."""
    from crudgen.language import editor_schema  # noqa: PLC0415 -- lazy

    return f"{json.dumps(editor_schema(), indent=2)}\n"


def seeds_schema_text(spec: "Schema") -> str:
    """Return the JSON Schema of files of seeds, as JSON text."""
    from crudgen.data.seeds.json_schema import seeds_schema  # noqa: PLC0415 -- lazy

    return f"{json.dumps(seeds_schema(spec), indent=2, ensure_ascii=False)}\n"


def find_schema(entities: Path, name: str = SCHEMA_FILE) -> str | None:
    """Return the path from the folder to the nearest JSON Schema above it in the repository."""
    folders = Path(os.path.normpath(entities.absolute())).parents
    for depth, folder in enumerate(folders, 1):
        if (folder / name).is_file():
            return "../" * depth + name
        if (folder / ".git").exists():
            break
    return None


def is_outdated(file: Path, text: str) -> bool:
    """Return whether a file has another JSON Schema than a text."""
    try:
        return bool(json.loads(file.read_bytes()) != json.loads(text))
    except (OSError, ValueError):
        return True
