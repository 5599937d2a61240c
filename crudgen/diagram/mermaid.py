"""A diagram as Mermaid's `erDiagram`. Reason to change: its syntax.

Names of entities are always quoted, because keywords such as `End` are valid names.
"""

from collections.abc import Iterator

from .contents import BoxRow, Cardinality, Diagram, Line

_LEFT = {Cardinality.ONE: "||", Cardinality.OPTIONAL: "|o", Cardinality.MANY: "}o"}
_RIGHT = {Cardinality.ONE: "||", Cardinality.OPTIONAL: "o|", Cardinality.MANY: "o{"}
_KEY_WORDS = {"pk", "fk", "uk"}
"""Words that Mermaid reads as marks instead of names, in any case."""


def as_mermaid(diagram: Diagram) -> str:
    """Return a diagram as Mermaid text. Relations to many are lines only."""
    return "\n".join(_text_lines(diagram)) + "\n"


def _text_lines(diagram: Diagram) -> Iterator[str]:
    yield "erDiagram"
    for box in diagram.boxes:
        yield f'    "{box.name}" {{'
        yield from (f"        {_attribute(row)}" for row in box.rows if not row.is_relation)
        yield "    }"
    yield from (f"    {_relation(line)}" for line in diagram.lines)


def _attribute(row: BoxRow) -> str:
    """Return a field: its type, name and marks, and whether it is optional."""
    name = f"`{row.name}`" if row.name in _KEY_WORDS else str(row.name)
    # Mermaid before 11.16 does not accept a `?` after the type.
    optional = '"optional"' if row.optional else ""
    return " ".join(filter(None, [row.type, name, ", ".join(row.marks), optional]))


def _relation(line: Line) -> str:
    """Return a relation; its line is dashed if an entity between the two makes it."""
    near, far = _LEFT[line.near.cardinality], _RIGHT[line.far.cardinality]
    stroke, via = ("..", f" via {line.via}") if line.via else ("--", "")
    return f'"{line.near.box}" {near}{stroke}{far} "{line.far.box}" : "{line.name}{via}"'
