"""The command `crudgen explain`. Reason to change: its options."""

from pathlib import Path
from typing import Annotated

import typer

from crudgen.cli import console, source

EXAMPLES = ("crudgen explain entities/hero.yaml",)


def explain(
    file: Annotated[Path, typer.Argument(help="YAML file of the entity.", metavar="FILE")],
) -> None:
    """Print an entity in the long form, with all defaults."""
    if not file.exists() and (source.DEFAULT / file).exists():
        file = source.DEFAULT / file
    if not file.is_file():
        found = source.find_entity(file)
        meant = f"; did you mean {found}?" if found else ""
        raise typer.BadParameter(f"no such file: {file}{meant}")
    from crudgen import language  # noqa: PLC0415 -- lazy

    schema = source.load(file.parent)
    for entity in (entity for entity in schema.entities if entity.source == file.name):
        console.say(language.explain(entity, schema.names).rstrip("\n"))
