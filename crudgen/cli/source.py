"""The entities that a command is about: where they are, what they mean, what they generate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

import crudgen
from crudgen.errors import Diagnostic, SpecError

if TYPE_CHECKING:
    from crudgen.codegen.tree import SourceTree
    from crudgen.language.schema import Schema

Entities: TypeAlias = Annotated[
    Path, typer.Argument(metavar="ENTITIES", help="Folder with one YAML file per entity.")
]
DEFAULT = Path("entities")
DEFAULT_OUT = Path("generated")


def portable(folder: Path | None) -> Path | None:
    """Return a folder to write to. Raises BadParameter for a name that Windows cannot have."""
    from crudgen.language.reserved import file_name_problem  # noqa: PLC0415 -- lazy

    for made in () if folder is None else (folder, *folder.parents):
        if not made.exists() and (why := file_name_problem(made.name)):
            raise typer.BadParameter(f"{made.name!r} is no name for a folder: {why}")
    return folder


def load(entities: Path) -> "Schema":
    """Read the entities. Raises SpecError."""
    if not entities.exists():
        remedy = "name the folder that holds the entities, or make a first one with: crudgen init"
        raise SpecError([Diagnostic(str(entities), 0, 0, "there is no such folder", remedy)])
    return crudgen.load(entities)


def render(entities: Path) -> "tuple[Schema, SourceTree]":
    """Read the entities and render their code. Raises SpecError."""
    schema = load(entities)
    return schema, crudgen.render(schema)


def count(number: int, noun: str) -> str:
    """Say how many: `1 file`, `2 files`, `2 entities`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"
