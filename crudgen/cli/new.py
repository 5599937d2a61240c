"""The command `crudgen new`. Reason to change: its arguments."""

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from crudgen.cli import console, source
from crudgen.cli.init import write_if_missing
from crudgen.cli.schema import find_schema
from crudgen.errors import OutputError, SpecError

EXAMPLES = ("crudgen new Team 'name:str(1..80) unique' 'headquarters:str?'",)


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
# Plain YAML strings: without surrounding spaces, `: ` and ` #`.
_PLAIN = re.compile(r"[A-Za-z](?:[^\s:#\"'\\]|:(?=\S)| (?=[^\s#]))*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""Words that some YAML parsers do not read as strings."""


def new(
    name: Annotated[str, typer.Argument(help="Name of the entity, such as Team.")],
    fields: Annotated[
        list[str] | None,
        typer.Argument(help="Fields in the short form, as 'name:type'.", metavar="[FIELD]..."),
    ] = None,
    entities: Annotated[
        Path, typer.Option(help="Folder with one YAML file per entity.")
    ] = source.DEFAULT,
) -> None:
    """Write the YAML file of a new entity."""
    if not _NAME.fullmatch(name):
        raise typer.BadParameter(f"invalid entity name {name!r}; use a name such as Team")
    if entities == source.DEFAULT and not entities.exists() and Path.cwd().name == entities.name:
        problem = "the current folder is the folder of entities"
        raise OutputError(f"{problem}\n  run the command in the parent folder, or add --entities .")
    file = entities / f"{_file_stem(name)}.yaml"
    if file.exists():
        raise OutputError(f"{file} already exists\n  edit it, or choose another name")
    text = _entity_yaml(name, fields or ["name:str(1..80)"], entities)
    text = _checked_text(file, text, entities)
    if not write_if_missing(file, text):
        raise OutputError(f"{file} already exists\n  edit it, or choose another name")
    console.say(f"  created  {file}")


def _file_stem(name: str) -> str:
    """Convert `HeroTeam` to `hero_team`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _entity_yaml(name: str, fields: list[str], entities: Path) -> str:
    """Return the YAML of an entity. Raises BadParameter for an invalid field."""
    schema = find_schema(entities)
    first = [f"# yaml-language-server: $schema={schema}"] if schema else []
    lines = [*first, f"name: {_yaml_scalar(name)}", "fields:"]
    names: set[str] = set()
    for field in fields:
        key, colon, value = (part.strip() for part in field.partition(":"))
        if not colon or not key or not value:
            raise typer.BadParameter(f"invalid field {field!r}; write it as 'name:str(1..80)'")
        if key in names:
            raise typer.BadParameter(f"duplicate field {key!r}")
        names.add(key)
        lines.append(f"  {_yaml_scalar(key)}: {_yaml_scalar(value)}")
    return "\n".join([*lines, ""])


def _yaml_scalar(text: str) -> str:
    """Return a string as a YAML scalar, with quotes if they are needed."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text)


def _checked_text(file: Path, text: str, entities: Path) -> str:
    """Check the new entity together with the existing ones, and return its text.

    If the spec has callers, nobody may use the entity until its rules say who may. Raises
    SpecError.
    """
    from crudgen import language  # noqa: PLC0415 -- lazy

    try:
        language.load(entities, {str(file): text})
    except SpecError as error:
        if not any(one.problem.startswith("'access' is missing") for one in error.diagnostics):
            raise
        text += "access: nobody\n"
        language.load(entities, {str(file): text})
    return text
