"""The command `crudgen check`, for CI. Reason to change: what it checks."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import crudgen
from crudgen.cli import console, source
from crudgen.cli.schema import find_schema, is_outdated
from crudgen.delivery.garbage import paused_collection
from crudgen.errors import CrudgenError, DriftError, SpecError

if TYPE_CHECKING:
    from crudgen.delivery.disk import Plan

EXAMPLES = (
    "crudgen check",
    "crudgen check --json",
    "crudgen check --out api",
)


_MAX_FILES = 20
"""Maximum number of files in a message."""


def check(
    entities: source.Entities = source.DEFAULT,
    out: Annotated[
        Path | None, typer.Option(help="Folder with the generated code.", show_default="generated")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object, for programs.")
    ] = False,
) -> None:
    """Check that the spec is valid and the generated code is up to date.

    Exits with 1 otherwise. Without a folder 'generated', only the spec is checked.
    """
    report: dict[str, Any] = {
        "ok": False,
        "entities": [],
        "out": None,
        "diagnostics": [],
        "notes": [],
    }
    try:
        line = _check(entities, out, report)
    except CrudgenError as error:
        if not as_json:
            raise
        if isinstance(error, SpecError):
            report["diagnostics"] = [asdict(diagnostic) for diagnostic in error.diagnostics]
        else:
            report["error"] = str(error)
        typer.echo(json.dumps(report, indent=2))
        raise typer.Exit(1) from error
    report["ok"] = True
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        console.say(line)
        for note in report["notes"]:
            console.say(f"note: {note}")
        _note_outdated_schema(entities)


def _check(entities: Path, out: Path | None, report: dict[str, Any]) -> str:
    """Run the checks: fill the report, and return the message for a terminal.

    Raises SpecError, DriftError and OutputError.
    """
    schema = source.load(entities)
    report["entities"] = [str(entity.name) for entity in schema.entities]
    from crudgen.language.notes import notes  # noqa: PLC0415 -- lazy

    report["notes"] = notes(schema)
    valid = f"{entities}: {source.count(len(schema.entities), 'entity')}"
    folder = source.DEFAULT_OUT if out is None else out
    if not folder.exists():
        if out is not None:
            raise DriftError(f"{out}: no such folder\n  create it with: crudgen emit --out {out}")
        return f"{valid}; no folder {folder}, only the spec was checked"
    from crudgen.delivery import disk  # noqa: PLC0415 -- lazy

    with paused_collection():
        plan = disk.plan(crudgen.render(schema), folder)
    report["out"] = str(folder)
    report["files"] = {str(action): list(plan.paths_with(action)) for action in disk.Action}
    if not plan.is_current:
        raise DriftError(_drift_message(plan, entities, folder))
    return f"{valid}; {folder} is up to date"


def _note_outdated_schema(entities: Path) -> None:
    """Print how to update the JSON Schema for editors, if another version of crudgen wrote it."""
    folder = entities.parent if entities.is_file() else entities
    path = find_schema(folder)
    if path and is_outdated(folder / path):
        file = os.path.normpath(folder / path)
        console.say(
            f"{file} is from another version of crudgen\n  update it with: crudgen schema > {file}"
        )


def _drift_message(plan: "Plan", entities: Path, out: Path) -> str:
    """Return which files differ, and the command that updates them."""
    from crudgen.delivery.disk import Action  # noqa: PLC0415 -- lazy

    words = {
        Action.CREATE: "missing",
        Action.UPDATE: "out of date",
        Action.EDITED: "edited",
        Action.STALE: "no longer generated",
        Action.STALE_EDITED: "no longer generated, and edited",
    }
    lines = [
        f"  {out / change.path}: {words[change.action]}"
        for change in plan.changes
        if change.action in words
    ]
    more = [f"  … and {len(lines) - _MAX_FILES} more"] if len(lines) > _MAX_FILES else []
    command = "crudgen emit"
    if entities != source.DEFAULT:
        command += f" {entities}"
    if out != source.DEFAULT_OUT:
        command += f" --out {out}"
    if plan.paths_with(Action.STALE, Action.STALE_EDITED):
        command += " --prune"
    head = f"{out} differs from the code that is generated from {entities}"
    remedy = f"  update it with: {command}"
    if plan.paths_with(Action.EDITED):
        remedy += "\n  it shows the edits, and overwrites them only with --force"
    return "\n".join([head, *lines[:_MAX_FILES], *more, remedy])
