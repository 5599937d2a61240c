"""The command `crudgen schema`. Reason to change: its options."""

import json

import typer

EXAMPLES = ("crudgen schema > crudgen.schema.json",)


def schema() -> None:
    """Print the JSON Schema of entity files, for editors."""
    typer.echo(schema_text(), nl=False)


def schema_text() -> str:
    """Return the JSON Schema of entity files, as JSON text."""
    from crudgen.language import editor_schema  # noqa: PLC0415 -- lazy

    return f"{json.dumps(editor_schema(), indent=2)}\n"
