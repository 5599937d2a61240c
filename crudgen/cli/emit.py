"""The command `crudgen emit`. Reason to change: its options or report."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crudgen.cli import console, source
from crudgen.errors import CrudgenError, OutputError, SpecError

if TYPE_CHECKING:
    from crudgen.codegen.tree import SourceTree
    from crudgen.delivery.comparing import Choices
    from crudgen.delivery.plan import Change, Plan

EXAMPLES = (
    "crudgen emit",
    "crudgen emit --dry-run",
    "crudgen emit --out api --prune",
    "crudgen emit --ours generated/app/heroes/routes.py",
)


def emit(  # noqa: PLR0913 -- each is an option of the command
    entities: source.Entities = source.DEFAULT,
    out: Annotated[
        Path, typer.Option(help="Folder to write to.", callback=source.check_portable)
    ] = source.DEFAULT_OUT,
    *,
    ours: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="In conflicts of this file, keep your lines."),
    ] = None,
    theirs: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="In conflicts of this file, take the generated lines."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Discard the edits of all generated files.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove files that are no longer generated.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the changes without writing them.")
    ] = False,
    no_try: Annotated[
        bool, typer.Option("--no-try", help="Write merged code without starting it first.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object, for programs.")
    ] = False,
) -> None:
    """Write the generated code to a folder, and merge it with your edits.

    'crudgen serve' runs the same code. Your files (app/main.py, README.md, pyproject.toml) are
    written once; if one of them lacks a line that the generated code needs, the line is shown.
    Edits of generated files are kept. Where the same lines are generated differently, the file
    gets conflict markers, and the exit code is 1.
    """
    try:
        _reject_out_among_entities(entities, out)
        _, tree = source.render(entities)
        choices = _read_choices(tree, out, ours or [], theirs or [], force=force, prune=prune)
        waiting = console.wait_reporter(as_json=as_json)
        plan, note = _write_or_plan(tree, out, choices, waiting, dry_run=dry_run, no_try=no_try)
    except CrudgenError as error:
        if not as_json:
            raise
        typer.echo(json.dumps({"ok": False, "out": str(out), **_error_as_json(error)}, indent=2))
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(json.dumps(_plan_as_json(plan, note), indent=2))
    else:
        _print_plan(plan, note, dry_run=dry_run)
    if plan.conflicts or plan.refused:
        raise typer.Exit(1)


def _reject_out_among_entities(entities: Path, out: Path) -> None:
    """Raise OutputError if the output folder is the folder of entities, or inside it."""
    is_folder = entities.is_dir()
    folder = (entities if is_folder else entities.parent).resolve()
    if out.resolve() == folder or (is_folder and folder in out.resolve().parents):
        raise OutputError(
            f"{out} is in the folder of entities; generated files would be read as entities\n"
            "  choose another folder with --out"
        )


def _read_choices(  # noqa: PLR0913 -- each is an option of the command
    tree: "SourceTree",
    out: Path,
    ours: list[Path],
    theirs: list[Path],
    *,
    force: bool,
    prune: bool,
) -> "Choices":
    """Return the choices in the options. Raises BadParameter for a path that is not generated."""
    from crudgen.codegen.tree import Ownership  # noqa: PLC0415 -- lazy
    from crudgen.delivery import disk  # noqa: PLC0415 -- lazy
    from crudgen.delivery.comparing import Choices  # noqa: PLC0415 -- lazy

    generated = {file.path for file in tree.files if file.ownership is Ownership.GENERATED}
    if ours or theirs:
        generated |= disk.recorded_paths(out)
    mine = {source.path_in(out, path) for path in ours}
    new = {source.path_in(out, path) for path in theirs}
    for path in sorted((mine | new) - generated):
        raise typer.BadParameter(f"{out / path} is not a generated file")
    for path in sorted(mine & new):
        raise typer.BadParameter(f"--ours and --theirs are both given for {out / path}")
    return Choices(force=force, prune=prune, ours=frozenset(mine), theirs=frozenset(new))


def _write_or_plan(  # noqa: PLR0913 -- options of the command
    tree: "SourceTree",
    out: Path,
    choices: "Choices",
    waiting: Callable[[str], None],
    *,
    dry_run: bool,
    no_try: bool,
) -> tuple["Plan", str]:
    """Write the tree, or only plan that. Return the plan, and a note on the trial."""
    from crudgen.delivery import disk  # noqa: PLC0415 -- lazy
    from crudgen.delivery.trial import Trial  # noqa: PLC0415 -- lazy

    if dry_run:
        return disk.plan(tree, out, choices), ""
    trial = Trial(waiting)
    return disk.write(tree, out, choices, check=None if no_try else trial), trial.note


def _print_plan(plan: "Plan", note: str, *, dry_run: bool) -> None:
    """Print the diff of a dry run, a summary, and what the user should know."""
    say = console.say_error if dry_run else console.say
    if dry_run:
        console.print_diff(plan.diff())
    if plan.refused:
        from crudgen.delivery import disk  # noqa: PLC0415 -- lazy

        console.print_error(disk.UnresolvedError(plan.out, plan.refused))
        return
    say(f"{plan.out}: {_summary_text(plan)}{' (dry run)' if dry_run else ''}")
    for line in [
        *_report_lines(plan, dry_run=dry_run),
        *_missing_lines(plan),
        *filter(None, [note]),
    ]:
        say(line, "yellow")
    for change in plan.conflicts:
        reason = f" ({change.note})" if change.note else ""
        for number in change.lines:
            console.say_error(f"  conflict: {plan.out / change.path}:{number}{reason}", "red")
    if plan.conflicts and not dry_run:
        console.say_error(
            "  resolve them between '<<<<<<< yours' and '>>>>>>> generated now', and remove the"
            " markers; emit refuses until then"
        )


def _summary_text(plan: "Plan") -> str:
    from crudgen.delivery.plan import Action  # noqa: PLC0415 -- lazy

    names = {
        Action.CREATE: "created",
        Action.UPDATE: "updated",
        Action.MERGE: "merged",
        Action.CONFLICT: "with conflicts",
        Action.EDITED: "edited",
        Action.OWNED: "owned",
        Action.DELETED: "deleted",
        Action.UNCHANGED: "unchanged",
        Action.KEEP: "kept",
        Action.REMOVE: "removed",
        Action.STALE: "stale",
        Action.STALE_EDITED: "stale and edited",
    }
    return ", ".join(
        f"{number} {name}"
        for action, name in names.items()
        if (number := len(plan.paths_with(action)))
    )


def _report_lines(plan: "Plan", *, dry_run: bool) -> Iterator[str]:
    """Yield what happens to files that are not simply written, a limited number of each kind."""
    from crudgen.delivery.plan import Action, disown_command  # noqa: PLC0415 -- lazy

    out = plan.out
    kinds = (
        ("merged", Action.MERGE, ""),
        ("deleted by you", Action.DELETED, "--theirs PATH writes it again"),
        ("no longer generated", Action.STALE, "--prune removes it"),
        ("no longer generated", Action.STALE_EDITED, "edited, kept; --prune --force removes it"),
    )
    moved = [one for one in plan.changes if one.source and one.before is not None]
    yield from console.limited_lines(
        f"  moved: {out / one.source} → {out / one.path}" for one in moved
    )
    yield from console.limited_lines(
        f"  yours, not moved: {out / path}" for path in _files_left_behind(plan)
    )
    for head, action, remark in kinds:
        tail = f" ({remark})" if remark else ""
        yield from console.limited_lines(
            f"  {head}: {out / path}{tail}" for path in plan.paths_with(action)
        )
    owned = [one for one in plan.with_action(Action.OWNED) if one.note]
    # A dry run moves no file.
    paths = {one.path: one.source if dry_run and one.source else one.path for one in owned}
    yield from console.limited_lines(
        f"  owned: {out / paths[one.path]}: {one.note}" for one in owned
    )
    generated = [paths[one.path] for one in owned if one.owned]
    if generated:
        command = disown_command(out, generated[0] if len(generated) == 1 else "PATH")
        yield f"    let emit merge {'it' if len(generated) == 1 else 'one'} again with: {command}"


def _files_left_behind(plan: "Plan") -> Iterator[str]:
    """Yield the files of the user that stay in folders whose generated files move away."""
    moved = {PurePosixPath(one.source) for one in plan.changes if one.source}
    stays = {PurePosixPath(one.path).parent for one in plan.changes}
    for folder in sorted({path.parent for path in moved} - stays):
        found = sorted((plan.out / folder).iterdir()) if (plan.out / folder).is_dir() else ()
        for name in (entry.name for entry in found if entry.name != "__pycache__"):
            if folder / name not in moved:
                yield str(folder / name)


def _missing_lines(plan: "Plan") -> Iterator[str]:
    """Yield a report: each file of the user that lacks lines, and these lines."""
    for change in plan.changes:
        for where, lines in groupby(change.missing_lines(), lambda missing: missing.where):
            yield f"  {plan.out / change.path} needs, {where}:"
            yield from (f"      {missing.line}" for missing in lines)


def _plan_as_json(plan: "Plan", note: str) -> dict[str, Any]:
    from crudgen.delivery.plan import Action  # noqa: PLC0415 -- lazy

    conflicts = [{"file": one.path, "line": n} for one in plan.conflicts for n in one.lines]
    return {
        "ok": not conflicts and not plan.refused,
        "out": str(plan.out),
        "files": {str(action): list(plan.paths_with(action)) for action in Action},
        "moved": {one.source: one.path for one in plan.changes if one.source},
        "conflicts": conflicts,
        "refused": [_refused_file_as_json(change) for change in plan.refused],
        "notes": [note] if note else [],
    }


def _error_as_json(error: CrudgenError) -> dict[str, Any]:
    from crudgen.delivery.disk import UnresolvedError  # noqa: PLC0415 -- lazy

    if isinstance(error, SpecError):
        return {"diagnostics": [asdict(diagnostic) for diagnostic in error.diagnostics]}
    if isinstance(error, UnresolvedError):
        return {
            "error": str(error),
            "refused": [_refused_file_as_json(change) for change in error.changes],
        }
    return {"error": str(error)}


def _refused_file_as_json(change: "Change") -> dict[str, Any]:
    return {"file": change.path, "lines": list(change.lines), "problem": str(change.action)}
