"""The command `crudgen check`, for CI. Reason to change: what it checks."""

import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import crudgen
from crudgen.cli import console, hook_problems, source
from crudgen.cli.schema import (
    SEEDS_SCHEMA_FILE,
    find_schema,
    is_outdated,
    schema_text,
    seeds_schema_text,
)
from crudgen.delivery.garbage import paused_collection
from crudgen.errors import CrudgenError, DriftError, SpecError

if TYPE_CHECKING:
    from crudgen.delivery.plan import Change, Plan
    from crudgen.language.schema import Schema

EXAMPLES = (
    "crudgen check",
    "crudgen check --json",
    "crudgen check --out api",
)


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

    With `migrations: true`, the revisions must lead to the tables of the spec. Exits with 1
    otherwise. Without a folder 'generated', only the spec is checked. Edits that
    'crudgen emit' would keep are listed, and are not an error.
    """
    found, line, error = report(entities, out)
    if error is not None:
        if not as_json:
            raise error
        typer.echo(json.dumps(found, indent=2))
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        console.say(line)
        for note in found["notes"]:
            console.say(f"note: {note}")
        _note_outdated_schemas(entities)


def report(entities: Path, out: Path | None) -> tuple[dict[str, Any], str, CrudgenError | None]:
    """Return what `--json` prints, the message for a terminal, and the error if there is one."""
    found: dict[str, Any] = {
        "ok": False,
        "entities": [],
        "out": None,
        "diagnostics": [],
        "notes": [],
    }
    try:
        line = _run_checks(entities, out, found)
    except CrudgenError as error:
        if isinstance(error, SpecError):
            found["diagnostics"] = [asdict(diagnostic) for diagnostic in error.diagnostics]
        else:
            found["error"] = str(error)
        return found, "", error
    return found | {"ok": True}, line, None


def _run_checks(entities: Path, out: Path | None, report: dict[str, Any]) -> str:
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
            command = f"crudgen emit --out {shlex.quote(str(out))}"
            raise DriftError(f"{out}: no such folder\n  create it with: {command}")
        hook_problems.check_project(schema)
        return f"{valid}; no folder {folder}, only the spec was checked"
    from crudgen.delivery import disk  # noqa: PLC0415 -- lazy
    from crudgen.delivery.plan import Action, disown_command  # noqa: PLC0415 -- lazy

    with paused_collection():
        tree = crudgen.render(schema)
        hook_problems.check_functions(schema, tree, folder)
        plan = disk.plan(tree, folder)
    report["out"] = str(folder)
    report["files"] = {str(action): list(plan.paths_with(action)) for action in Action}
    report["notes"] += [
        f"{folder / path} is yours, and the generated file has changed since;"
        f" let emit merge it again with: {disown_command(folder, path)}"
        for path in (one.source or one.path for one in plan.changes if one.is_behind)
    ]
    if not plan.is_current:
        raise DriftError(_drift_message(plan, entities, folder))
    if schema.migrations:
        _check_revisions(schema, entities, folder)
    own = console.limited_lines(
        line for change in plan.changes for line in _kept_lines(folder, change)
    )
    return "\n".join([f"{valid}; {folder} is up to date", *own])


def _check_revisions(schema: "Schema", entities: Path, out: Path) -> None:
    """Raise DriftError if the spec has changes that no revision has, and RevisionError."""
    from crudgen.cli import unrevised_changes  # noqa: PLC0415 -- lazy

    found = unrevised_changes.find(schema, crudgen.codegen.render_to_serve(schema), out)
    unrevised_changes.check_all_revised(found, entities, out)


def _note_outdated_schemas(entities: Path) -> None:
    """Print how to update the JSON Schemas for editors, if they are not up to date."""
    folder = entities.parent if entities.is_file() else entities
    path = find_schema(folder)
    if path and is_outdated(folder / path, schema_text()):
        file = os.path.normpath(folder / path)
        console.say(
            f"{file} is from another version of crudgen\n"
            f"  update it with: crudgen schema > {shlex.quote(file)}"
        )
    path = find_schema(folder, SEEDS_SCHEMA_FILE)
    if path and is_outdated(folder / path, seeds_schema_text(source.load(folder))):
        file = os.path.normpath(folder / path)
        command = "crudgen schema --seeds"
        if folder != source.DEFAULT:
            command += f" --entities {shlex.quote(str(folder))}"
        console.say(
            f"{file} is from another spec or version of crudgen\n"
            f"  update it with: {command} > {shlex.quote(file)}"
        )


def _drift_message(plan: "Plan", entities: Path, out: Path) -> str:
    """Return which files differ, and the command that updates them."""
    from crudgen.delivery.plan import Action  # noqa: PLC0415 -- lazy

    differing = [line for change in plan.changes for line in _differing_lines(out, change)]
    command = "crudgen emit"
    if entities != source.DEFAULT:
        command += f" {shlex.quote(str(entities))}"
    if out != source.DEFAULT_OUT:
        command += f" --out {shlex.quote(str(out))}"
    if plan.paths_with(Action.STALE):
        command += " --prune"
    head = f"{out} differs from the code that is generated from {entities}"
    remedy = f"  update it with: {command}"
    if plan.refused:
        remedy = f"  see what to do with: {command}"
    elif plan.paths_with(Action.MERGE, Action.CONFLICT):
        remedy += "\n  it merges the edits, and marks conflicts"
    return "\n".join([head, *console.limited_lines(differing), remedy])


def _differing_lines(out: Path, change: "Change") -> Iterator[str]:
    """Yield a line for each place of a file that `emit` would change, or cannot write."""
    from crudgen.delivery.plan import REFUSED, Action  # noqa: PLC0415 -- lazy

    words = {
        Action.CREATE: "missing",
        Action.UPDATE: "out of date",
        Action.MERGE: "edited, and out of date",
        Action.CONFLICT: "edited, and generated differently at the same lines",
        Action.UNRESOLVED: "a conflict is not resolved",
        Action.INVALID: "edited, and has a syntax error",
        Action.NO_BASE: f"edited, and cannot be merged: {change.note}",
        Action.STALE: "no longer generated",
    }
    is_place = change.action in {Action.UNRESOLVED, Action.INVALID}
    if change.source and change.before is not None:
        yield f"  {out / change.source}: moves to {out / change.path}"
    if change.action in words and (change.action in REFUSED or not change.source):
        file = out / (change.source or change.path)
        for place in (f"{file}:{line}" for line in change.lines) if is_place else (file,):
            yield f"  {place}: {words[change.action]}"


def _kept_lines(out: Path, change: "Change") -> Iterator[str]:
    """Yield a line for a file that differs from the generated one, and that `emit` keeps."""
    from crudgen.delivery.plan import Action  # noqa: PLC0415 -- lazy

    words = {
        Action.EDITED: "edited",
        Action.OWNED: "owned",
        Action.DELETED: "deleted",
        Action.STALE_EDITED: "edited, and no longer generated",
    }
    if change.action in words:
        is_noted = change.is_behind or not change.note
        note = "" if is_noted else f", and {change.note}"
        yield f"  {out / change.path}: {words[change.action]}{note}"
