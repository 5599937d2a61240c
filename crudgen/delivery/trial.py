"""Starts a merged application before it is written. Reason to change: when, or how it is isolated.

A merge of lines can be right for each file and wrong for the application, for example if an edit
uses a field that the spec no longer has.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from crudgen.delivery.memory import PACKAGE_FOLDER
from crudgen.delivery.plan import EDITS, Action, Plan, disown_command
from crudgen.errors import OutputError

_PROGRAM = "from crudgen.delivery.starting import main; main({!r})"
_SECONDS = 60.0
REPORT_AFTER_SECONDS = 2.0
"""What takes as many seconds is reported."""
_LARGE = 1_048_576
_ENTRY_POINT = f"{PACKAGE_FOLDER}/main.py"


class Trial:
    """Tries the application of a plan with edits; raises OutputError if it cannot be created.

    It is created in a process of its own, from a copy of the folder. An application that already
    fails in the same way without the plan is no reason to reject the plan; `note` then says so.
    """

    def __init__(self, waiting: Callable[[str], None]) -> None:
        """Set what reports a trial that takes longer than REPORT_AFTER_SECONDS."""
        self.note = ""
        self._waiting = waiting

    def __call__(self, plan: Plan) -> None:
        """Try the application that the folder of a plan will contain."""
        if not _is_needed(plan):
            return
        text = f"waiting for the merged application to start, before {plan.out} is written …"
        timer = threading.Timer(REPORT_AFTER_SECONDS, self._waiting, [text])
        timer.daemon = True
        timer.start()
        try:
            failure = _creation_failure(plan.out, plan.contents_to_write())
            is_new = failure is not None and _creation_failure(plan.out, {}) != failure
        finally:
            timer.cancel()
            timer.join()  # a report that has begun precedes the next line
        if failure is None:
            return
        if not is_new:
            self.note = (
                "the merged application was not tried: it does not start before the merge either\n"
                f"  {failure.message(plan.out)}"
            )
            return
        raise OutputError(
            f"the merged application does not start, so {plan.out} was not changed\n"
            f"  {_failure_text(plan, failure)}\n"
            "  correct your edits or the spec; --dry-run shows the merge, and --no-try writes it"
        )


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why an application does not start: the error, and the file and line that raised it."""

    error: str
    place: str = ""

    def message(self, out: Path) -> str:
        """Return the error with its place in a folder."""
        return f"{out / self.place}: {self.error}" if self.place else self.error


def _failure_text(plan: Plan, failure: _Failure) -> str:
    """Return the error, with the present path of its file: renamed files have not moved yet."""
    path, _, line = failure.place.partition(":")
    change = next((one for one in plan.changes if one.path == path), None)
    if change is None:
        return failure.message(plan.out)
    moves = f" (moves to {plan.out / path})" if change.source else ""
    place = f"{plan.out / (change.source or path)}:{line}{moves}"
    lines = [f"{place}: {failure.error}"]
    if change.action is Action.OWNED:
        command = disown_command(plan.out, change.source or path)
        lines.append(f"  the file is yours, so it is not merged; let emit merge it with: {command}")
    return "\n".join(lines)


def _is_needed(plan: Plan) -> bool:
    """Return whether code changes in an application that has edits, and no conflicts."""
    code = [
        change
        for change in plan.changes
        if change.path.startswith(f"{PACKAGE_FOLDER}/") and change.path.endswith(".py")
    ]
    has_edits = any(change.action in {*EDITS, Action.MERGE} for change in code)
    is_changed = any(change.is_written for change in code)
    return has_edits and is_changed and not plan.conflicts


def _creation_failure(out: Path, contents: Mapping[str, bytes | None]) -> _Failure | None:
    """Create the application of a copy of a folder with other contents. Return why it fails."""
    with tempfile.TemporaryDirectory(prefix="crudgen-") as temporary:
        folder, result = Path(temporary) / "project", Path(temporary) / "result"
        shutil.copytree(out, folder, ignore=_names_not_copied, ignore_dangling_symlinks=True)
        for path, data in contents.items():
            target = folder / path
            if data is None:
                target.unlink(missing_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        if not (folder / _ENTRY_POINT).exists():
            return None
        return _run_program(folder, result)


def _run_program(folder: Path, result: Path) -> _Failure | None:
    inherited = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    own = Path(__file__).parents[2]
    paths = [str(folder), *(str(Path(one).absolute()) for one in inherited), str(own)]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        done = subprocess.run(  # noqa: S603 -- the program is constant
            [sys.executable, "-c", _PROGRAM.format(str(result))],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _Failure(f"it was not created within {_SECONDS:.0f} s")
    if not result.exists():
        lines = done.stderr.decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return _Failure(last or f"the process ended with exit code {done.returncode}")
    error, place = result.read_text("utf-8").split("\n")
    return _Failure(error, place) if error else None


def _names_not_copied(folder: str, names: list[str]) -> set[str]:
    """Return what a trial does not need: virtual environments, caches, large and special files."""
    return {name for name in names if not _is_copied(Path(folder, name))}


def _is_copied(path: Path) -> bool:
    if path.is_dir():
        is_hidden = path.name.startswith(".") or path.name in {"__pycache__", "node_modules"}
        return not is_hidden and not (path / "pyvenv.cfg").exists()
    return path.is_file() and path.stat().st_size <= _LARGE
