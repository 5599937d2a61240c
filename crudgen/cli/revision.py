"""The command `crudgen revision`. Reason to change: its options and output."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crudgen.cli import console, database_options, plan_output, source, unrevised_changes
from crudgen.errors import CrudgenError

if TYPE_CHECKING:
    from crudgen.evolution.plan import Plan
    from crudgen.evolution.revisions.file import RevisionFile

EXAMPLES = (
    'crudgen revision -m "first tables"',
    'crudgen revision -m "teams" --json',
)


def revision(  # noqa: PLR0913 -- each is an option of the command
    entities: source.Entities = source.DEFAULT,
    *,
    message: Annotated[
        str,
        typer.Option("--message", "-m", metavar="TEXT", help="What the revision does, in words."),
    ],
    out: Annotated[Path, typer.Option(help="Folder with the generated code.")] = source.DEFAULT_OUT,
    fill: database_options.Fills = None,
    drop: database_options.Drops = None,
    as_json: database_options.AsJson = False,
) -> None:
    """Write a revision for Alembic: what the spec changes since the last one.

    No database is read. Exits with 0, also if there is nothing to write, and with 1 if nothing was
    written because of a problem.
    """
    if not message.strip():
        raise typer.BadParameter("say what the revision does", param_hint="'-m'")
    schema, tree = source.render_to_serve(source.read(entities))
    unrevised_changes.check_has_revisions(schema, entities, out)
    found = unrevised_changes.find(schema, tree, out, fill, drop)
    names, plan = found.hints.names, found.draft.plan
    if plan.problems:
        count = source.count(len(plan.problems), "problem")
        if as_json:
            typer.echo(_report_json(out, [], plan))
            raise typer.Exit(1)
        plan_output.show(plan, names)
        raise CrudgenError(f"{count}: no revision was written")
    written = _files_to_write(found, message)
    paths = [unrevised_changes.FOLDER / f"{one.name}.py" for one in written]
    if written:
        texts = [one.text.encode() for one in written]
        from crudgen.delivery import disk  # noqa: PLC0415 -- lazy

        disk.add_files(out, dict(zip(paths, texts, strict=True)))
    if as_json:
        typer.echo(_report_json(out, paths, plan))
    elif written:
        _print_revision(found, paths, out)
    elif plan.unused:
        raise CrudgenError("\n".join([*plan.unused, "  nothing was written"]))
    else:
        console.say("nothing to write: the revisions have all changes of the spec", "green")


def _files_to_write(
    found: "unrevised_changes.UnrevisedChanges", message: str
) -> "list[RevisionFile]":
    """Return the files to write: none if there is nothing to do, and one revision to follow."""
    from crudgen.evolution.revisions.file import files  # noqa: PLC0415 -- lazy

    history = found.history
    if found.draft.is_empty and len(history.heads) <= 1:
        return []
    return files(message, history, found.draft, found.after, found.changes)


def _print_revision(
    found: "unrevised_changes.UnrevisedChanges", paths: list[Path], out: Path
) -> None:
    """Print what a revision does, its files, and what to do next."""
    if found.draft.plan.steps:
        plan_output.show(found.draft.plan, found.hints.names)
    for path in paths:
        console.say(f"  created  {out / path}")
    for guard in found.draft.guards:
        console.say(f"the revision stops if there are any: {guard.what}", "yellow")
        if guard.flag:
            console.say(f"  to give them a value, delete the file, and repeat with {guard.flag}")
    console.say(f"read the revision, then: cd {out} && alembic upgrade head")


def _report_json(out: Path, paths: list[Path], plan: "Plan") -> str:
    """Return a JSON object with the files and the changes."""
    report = {"files": [str(out / path) for path in paths], **plan.as_json()}
    return json.dumps(report, indent=2, default=str, ensure_ascii=False)
