"""`crudgen schema`: the JSON Schema with which an editor checks and completes entity files."""

import json

import typer

EXAMPLES = ("crudgen schema > crudgen.schema.json",)


def schema() -> None:
    """Print the JSON Schema of entity files, for editors."""
    typer.echo(schema_text(), nl=False)


def schema_text() -> str:
    """Return the JSON Schema as it is written to a file."""
    from crudgen.language import editor_schema  # noqa: PLC0415 -- lazy

    return f"{json.dumps(editor_schema(), indent=2)}\n"
