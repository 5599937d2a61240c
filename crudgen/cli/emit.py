"""The command `crudgen emit`. Reason to change: its options or report."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crudgen.cli import console, source
from crudgen.errors import OutputError

if TYPE_CHECKING:
    from crudgen.delivery.disk import Plan

EXAMPLES = (
    "crudgen emit",
    "crudgen emit --dry-run",
    "crudgen emit --out api --prune",
)


def emit(
    entities: source.Entities = source.DEFAULT,
    out: Annotated[
        Path, typer.Option(help="Folder to write to.", callback=source.check_portable)
    ] = source.DEFAULT_OUT,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite generated files that were edited.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove files that are no longer generated.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the changes without writing them.")
    ] = False,
) -> None:
    """Write the generated code to a folder.

    'crudgen serve' runs the same code. Your files (app/main.py, README.md, pyproject.toml) are
    written once; if one of them lacks a line that the generated code needs, the line is shown.
    Generated files that you edited are overwritten only with --force.
    """
    from crudgen.delivery import disk  # noqa: PLC0415 -- lazy

    _reject_out_among_entities(entities, out)
    _, tree = source.render(entities)
    if dry_run:
        _preview(disk.plan(tree, out), force=force, prune=prune)
        return
    done = disk.write(tree, out, force=force, prune=prune)
    console.say(f"{out}: {_summary(done, force=force, prune=prune)}")
    _report_stale(done, force=force, prune=prune)
    for line in _missing_lines(done):
        console.say(line, "yellow")


def _reject_out_among_entities(entities: Path, out: Path) -> None:
    """Raise OutputError if the output folder is the folder of entities, or inside it."""
    is_folder = entities.is_dir()
    folder = (entities if is_folder else entities.parent).resolve()
    if out.resolve() == folder or (is_folder and folder in out.resolve().parents):
        raise OutputError(
            f"{out} is in the folder of entities; generated files would be read as entities\n"
            "  choose another folder with --out"
        )


def _preview(plan: "Plan", *, force: bool, prune: bool) -> None:
    from crudgen.delivery.disk import Action  # noqa: PLC0415 -- lazy

    console.diff(plan.diff(stale=prune))
    console.say_error(f"{plan.out}: {_summary(plan, force=force, prune=prune)} (dry run)")
    for line in _missing_lines(plan):
        console.say_error(line, "yellow")
    edited = plan.paths_with(Action.EDITED)
    if edited and not force:
        for path in edited:
            console.say_error(f"  edited: {plan.out / path}")
        console.say_error("  emit does not overwrite edited files without --force", "red")
        raise typer.Exit(1)


def _summary(plan: "Plan", *, force: bool, prune: bool) -> str:
    from crudgen.delivery.disk import Action  # noqa: PLC0415 -- lazy

    groups = {
        "created": (Action.CREATE,),
        "updated": (Action.UPDATE, Action.EDITED) if force else (Action.UPDATE,),
        "edited": () if force else (Action.EDITED,),
        "unchanged": (Action.UNCHANGED,),
        "kept": (Action.KEEP,),
        "removed" if prune else "stale": (Action.STALE,),
        "edited and removed" if prune and force else "stale and edited": (Action.STALE_EDITED,),
    }
    counts = [(len(plan.paths_with(*actions)), name) for name, actions in groups.items()]
    return ", ".join(f"{number} {name}" for number, name in counts if number)


def _missing_lines(plan: "Plan") -> Iterator[str]:
    """Yield a report: each file of the user that lacks lines, and these lines."""
    for change in plan.changes:
        for where, lines in groupby(change.missing_lines(), lambda missing: missing.where):
            yield f"  {plan.out / change.path} needs, {where}:"
            yield from (f"      {missing.line}" for missing in lines)


def _report_stale(plan: "Plan", *, force: bool, prune: bool) -> None:
    from crudgen.delivery.disk import Action  # noqa: PLC0415 -- lazy

    for action, is_kept, remedy in (
        (Action.STALE, not prune, "--prune removes it"),
        (Action.STALE_EDITED, not (prune and force), "edited; --prune --force removes it"),
    ):
        for path in plan.paths_with(action) if is_kept else ():
            console.say(f"  no longer generated: {plan.out / path} ({remedy})", "yellow")
