"""The command `crudgen diagram`. Reason to change: its options."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crudgen.cli import console, source
from crudgen.errors import ArgumentError, OutputError

if TYPE_CHECKING:
    from crudgen.language.names import ClassName
    from crudgen.language.schema import Schema

EXAMPLES = (
    "crudgen diagram",
    "crudgen diagram --out entities.svg",
    "crudgen diagram Hero Team",
)


class Format(StrEnum):
    """Formats of a diagram."""

    MERMAID = "mermaid"
    SVG = "svg"


def diagram(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ENTITY",
            help="Names of the entities to show; all by default.",
            show_default=False,
        ),
    ] = None,
    *,
    format_: Annotated[
        Format | None,
        typer.Option("--format", help="mermaid or svg; by default that of FILE, or mermaid."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to write instead of printing.")
    ] = None,
    entities: source.EntitiesOption = source.DEFAULT,
) -> None:
    """Print the entities and their relations as a diagram: as Mermaid, or as an SVG picture.

    The same spec always gives the same text, so the file can be kept in version control.
    """
    schema = source.load(entities)
    shown = _entity_names(schema, names) if names else None
    from crudgen.diagram import as_mermaid, as_svg, diagram_of  # noqa: PLC0415 -- lazy

    is_svg = (out is not None and out.suffix == ".svg") if format_ is None else format_ == "svg"
    found = diagram_of(schema, shown)
    text = as_svg(found) if is_svg else as_mermaid(found)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror or error}") from error
    relations = source.count(len(found.lines), "relation")
    console.say(f"wrote {out}: {source.count(len(found.boxes), 'entity')}, {relations}")


def _entity_names(schema: "Schema", names: list[str]) -> "list[ClassName]":
    """Return the names of the given entities: `Hero`, `hero`. Raises ArgumentError."""
    from crudgen.language.yaml.problems import suggest  # noqa: PLC0415 -- lazy

    known = {str(one.name).lower(): one.name for one in schema.entities}
    for name in names:
        if name.lower() not in known:
            remedy = suggest(name, known.values())
            if Path(name).is_dir():
                remedy = f"give the folder of the entities with: --entities {name}"
            raise ArgumentError(f"there is no entity {name!r}\n  {remedy}")
    return [known[name.lower()] for name in names]
