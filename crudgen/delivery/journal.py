"""All or nothing for a folder: changes are staged, then renamed into place, or undone.

A transaction on the folder `out` keeps everything that it needs in `out/.crudgen-staging/`:

    new/0, new/1, …    the texts to be, on the same file system, so that a rename puts them in place
    old/0, old/1, …    copies of the files that are replaced or removed
    journal.json       what is to be done; while it exists, the transaction is not complete

An exception in the middle is undone at once. After a `kill -9` in the middle, `recover` restores
the old state: every entrance to the folder calls it first. Removing `journal.json` commits.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from crudgen.errors import OutputError

STAGING = ".crudgen-staging"
_JOURNAL = "journal.json"


@dataclass(frozen=True, slots=True)
class _Step:
    """One file to be replaced (`digest` of the new bytes) or removed (None)."""

    path: str
    digest: str | None
    existed: bool


def digest(data: bytes) -> str:
    """Identify a file's content. Line endings do not count: git may convert them at checkout."""
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def locate(out: Path, path: str) -> Path:
    """Return where `path` lies inside the folder.

    Raises OutputError when it would lie outside: an absolute path, `..`, a drive, or a folder on
    the way that is a symbolic link.
    """
    pure = PurePosixPath(path)
    strange = "\\" in path or ":" in path or "\0" in path
    if (
        strange
        or pure.is_absolute()
        or ".." in pure.parts
        or pure.as_posix() != path
        or path == "."
    ):
        raise OutputError(f"{path!r} is not a path inside the output folder")
    place = out
    for part in pure.parts[:-1]:
        place /= part
        if place.is_symlink():
            raise OutputError(
                f"{place} is a symbolic link, and crudgen does not write through links\n"
                "  replace it by a real folder, or choose another folder with --out"
            )
        if place.exists() and not place.is_dir():
            raise OutputError(f"{place} is a file, but a folder is needed there\n  move it away")
    return place / pure.name


def apply(out: Path, changes: Mapping[str, bytes | None]) -> None:
    """Write (bytes) and remove (None) files in an existing folder, all of them or none.

    Raises OSError after everything is as it was before. The caller holds the `lock`.
    """
    if not changes:
        return
    staging = out / STAGING
    _clear(staging)
    steps, folders = _plan_steps(out, changes)
    try:
        _stage(out, staging, steps, changes)
        _write_journal(staging, steps, folders)
        for folder in folders:
            (out / folder).mkdir()
        for number, step in enumerate(steps):
            target = locate(out, step.path)
            if step.digest is None:
                target.unlink()
            else:
                (staging / "new" / str(number)).replace(target)
        (staging / _JOURNAL).unlink()
    except BaseException:
        _undo(out, staging, steps, folders)
        raise
    # From here on the new state holds; what follows is tidying up.
    with contextlib.suppress(OSError):
        _clear(staging)
        _remove_empty_folders(out, [step.path for step in steps if step.digest is None])


def interrupted(out: Path) -> bool:
    """Whether a transaction was killed in this folder, or is going on at this moment."""
    return os.path.lexists(out / STAGING)


def recover(out: Path) -> None:
    """Restore the state before a transaction that was killed. The caller holds the `lock`.

    Raises OutputError when its journal cannot be read, OSError when the folder cannot be written.
    """
    staging = out / STAGING
    if (staging / _JOURNAL).exists() and not staging.is_symlink():
        steps, folders = _read_journal(staging)
        _undo(out, staging, steps, folders)
    _clear(staging)


@contextlib.contextmanager
def lock(out: Path) -> Iterator[None]:
    """Keep other crudgen processes out of the folder; wait until they are out."""
    try:
        import fcntl  # noqa: PLC0415 -- absent on Windows, where two emits at once are not kept apart
    except ImportError:  # pragma: no cover
        yield
        return
    handle = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _plan_steps(out: Path, changes: Mapping[str, bytes | None]) -> tuple[list[_Step], list[str]]:
    """Return the steps, and the folders that must be made for them, outer ones first."""
    steps = []
    folders: dict[str, None] = {}
    for path, data in changes.items():
        target = locate(out, path)
        steps.append(_Step(path, None if data is None else digest(data), target.exists()))
        for parent in reversed(PurePosixPath(path).parents[:-1]):
            if data is not None and not (out / parent).exists():
                folders[parent.as_posix()] = None
    return steps, list(folders)


def _stage(
    out: Path, staging: Path, steps: list[_Step], changes: Mapping[str, bytes | None]
) -> None:
    for folder in (staging, staging / "new", staging / "old"):
        folder.mkdir()
    for number, step in enumerate(steps):
        if step.existed:
            shutil.copy2(locate(out, step.path), staging / "old" / str(number))
        data = changes[step.path]
        if data is not None:
            (staging / "new" / str(number)).write_bytes(data)


def _write_journal(staging: Path, steps: list[_Step], folders: list[str]) -> None:
    rows = [[step.path, step.digest, step.existed] for step in steps]
    draft = staging / "journal.draft"
    draft.write_text(json.dumps({"steps": rows, "folders": folders}), "utf-8")
    draft.replace(staging / _JOURNAL)


def _read_journal(staging: Path) -> tuple[list[_Step], list[str]]:
    file = staging / _JOURNAL
    try:
        data = json.loads(file.read_text("utf-8"))
        steps = [_Step(str(path), new, bool(existed)) for path, new, existed in data["steps"]]
        return steps, [str(folder) for folder in data["folders"]]
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"{file} cannot be read, so the interrupted emit cannot be undone\n"
            f"  look into {staging}/old for the former files, then remove {staging}"
        ) from error


def _undo(out: Path, staging: Path, steps: list[_Step], folders: list[str]) -> None:
    """Bring every file back; may be interrupted and called again."""
    if not (staging / _JOURNAL).exists():
        _clear(staging)  # it broke while staging: nothing has been touched yet
        return
    for number, step in enumerate(steps):
        target = locate(out, step.path)
        old = staging / "old" / str(number)
        if target.exists() and step.digest != digest(target.read_bytes()):
            continue  # not yet replaced, or changed by a person since: theirs
        if old.exists():
            old.replace(target)
        elif not step.existed:
            target.unlink(missing_ok=True)
    for folder in reversed(folders):
        with contextlib.suppress(OSError):
            locate(out, folder).rmdir()
    (staging / _JOURNAL).unlink()
    _clear(staging)


def _clear(staging: Path) -> None:
    if staging.is_symlink() or staging.is_file():
        raise OutputError(f"{staging} is not a folder of crudgen's\n  remove it and try again")
    if staging.exists():
        shutil.rmtree(staging)


def _remove_empty_folders(out: Path, removed: list[str]) -> None:
    """Remove the folders that removed files have left empty; Python's cache is no content."""
    for path in removed:
        for parent in PurePosixPath(path).parents[:-1]:
            folder = out / parent
            if not folder.is_dir() or {entry.name for entry in folder.iterdir()} - {"__pycache__"}:
                break
            shutil.rmtree(folder)
