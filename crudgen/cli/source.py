"""Arguments and functions of several commands. Reason to change: where entities are found."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

import crudgen
from crudgen.cli import hook_problems
from crudgen.delivery.garbage import paused_collection
from crudgen.errors import Diagnostic, SpecError

if TYPE_CHECKING:
    from crudgen.codegen.tree import SourceTree
    from crudgen.language.load import Sources
    from crudgen.language.schema import Schema

Entities: TypeAlias = Annotated[
    Path, typer.Argument(metavar="ENTITIES", help="Folder with one YAML file per entity.")
]
EntitiesOption: TypeAlias = Annotated[
    Path, typer.Option("--entities", help="Folder with one YAML file per entity.")
]
"""For commands that have arguments of their own."""
Generated: TypeAlias = Annotated[
    Path, typer.Argument(metavar="PATH", help="A generated file, from here or from the folder.")
]
DEFAULT = Path("entities")
DEFAULT_OUT = Path("generated")


def check_portable(folder: Path | None) -> Path | None:
    """Return the folder. Raises BadParameter if Windows does not allow its name."""
    from crudgen.language.reserved import file_name_problem  # noqa: PLC0415 -- lazy

    for new in () if folder is None else (folder, *folder.parents):
        if not new.exists() and (reason := file_name_problem(new.name)):
            raise typer.BadParameter(f"the folder name {new.name!r} is not portable: {reason}")
    return folder


def load(entities: Path) -> "Schema":
    """Return the schema of the entities. Raises SpecError."""
    with paused_collection():
        return read(entities).schema()


def read(entities: Path, unsaved: Mapping[str, bytes | str] | None = None) -> "Sources":
    """Return the files of the entities, with `unsaved` texts by file. Raises SpecError."""
    from crudgen import language  # noqa: PLC0415 -- lazy

    if not entities.exists():
        file = find_entity(entities)
        remedy = "give the folder of entities, or create one with: crudgen init"
        remedy = f"give the file of the entity: {file}" if file else remedy
        kind = "file" if entities.suffix in language.SUFFIXES else "folder"
        raise SpecError([Diagnostic(str(entities), 0, 0, f"no such {kind}", remedy)])
    return language.read(entities, unsaved)


def find_entity(name: Path) -> Path | None:
    """Return the file of an entity that was given by name: `Hero`, `hero` or `hero.yml`."""
    for folder in (name.parent, DEFAULT):
        for file in sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))):
            if _simplified_name(file.stem) == _simplified_name(name.stem):
                return file
    return None


def _simplified_name(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def render(entities: Path) -> "tuple[Schema, SourceTree]":
    """Return the schema of the entities and its source tree. Raises SpecError."""
    schema = load(entities)
    with paused_collection():
        return schema, crudgen.render(schema)


def render_to_serve(
    sources: "Sources",
    project: Path | None = None,
    change: "Callable[[Schema], Schema] | None" = None,
) -> "tuple[Schema, SourceTree]":
    """Return the schema of files and the source tree to serve, with the code of a project.

    `change` returns the schema that is served instead of that of the files.
    Raises SpecError, and OutputError if the project cannot be read or conflicts with the spec.
    """
    from crudgen import codegen  # noqa: PLC0415 -- lazy

    with paused_collection():
        schema = sources.schema()
        if change is not None:
            schema = change(schema)
        if project is None:
            return schema, codegen.render_to_serve(schema)

        from crudgen.delivery.project import with_kit, with_project_code  # noqa: PLC0415 -- lazy
        from crudgen.language.schema import KitForm  # noqa: PLC0415 -- lazy

        rendered = crudgen.render(schema)
        hook_problems.check_functions(schema, rendered, project)
        tree = with_project_code(rendered, project)
        return schema, with_kit(tree) if schema.kit is KitForm.LIBRARY else tree


def path_in(out: Path, path: Path) -> str:
    """Return the path in the output folder of a file, given from there or the current folder."""
    # Without `resolve`: a link that is a file of the user has no other name.
    folder, file = (Path(os.path.normpath(Path.cwd() / one)) for one in (out, path))
    if file.is_relative_to(folder):
        return file.relative_to(folder).as_posix()
    return Path(os.path.normpath(path)).as_posix()


def count(number: int, noun: str) -> str:
    """Return a number with a noun in the right form: `1 file`, `2 files`, `2 entities`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("y") else f"{number:,} {noun}s"
